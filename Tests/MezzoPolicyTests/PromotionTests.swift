import MezzoPolicy
import Testing

struct PromotionTests {
  private static let promotable: [DType] = [
    .bool, .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .float16, .bfloat16, .float32, .float64,
    .complex64, .complex128,
  ]
  private static let operands: [PromotionOperand] =
    promotable.map(PromotionOperand.dtype) + [.weakBool, .weakInteger, .weakFloat]
  static let floatxs: [DType] = [.float16, .bfloat16, .float32, .float64]

  @Test(arguments: floatxs)
  func everyPairHasAResultWhateverTheOrder(floatx: DType) throws {
    for left in Self.operands {
      for right in Self.operands {
        let result = try DType.resultType(of: [left, right], floatx: floatx)
        #expect(try DType.resultType(of: [right, left], floatx: floatx) == result)
        #expect(try DType.resultType(of: [left, right, left, right], floatx: floatx) == result)
        #expect(Self.promotable.contains(result))
      }
    }
  }

  @Test(arguments: floatxs)
  func ofThreeTheOrderDoesNotMatter(floatx: DType) throws {
    for first in Self.operands {
      for second in Self.operands {
        for third in Self.operands {
          let result = try DType.resultType(of: [first, second, third], floatx: floatx)
          #expect(try DType.resultType(of: [third, first, second], floatx: floatx) == result)
          #expect(try DType.resultType(of: [second, first, third], floatx: floatx) == result)
        }
      }
    }
  }

  @Test(arguments: promotable)
  func withItselfItStays(dtype: DType) throws {
    let expected: DType = dtype == .uint64 ? .uint32 : dtype == .complex128 ? .complex64 : dtype
    #expect(try dtype.promoted(with: dtype) == expected)
    #expect(try DType.resultType(of: [.dtype(dtype)]) == expected)
    // What comes out goes in again unchanged.
    #expect(try expected.promoted(with: expected) == expected)
  }

  @Test(arguments: promotable)
  func aWeakOperandOfAKindThatIsThereChangesNothing(dtype: DType) throws {
    let strong = try DType.resultType(of: [.dtype(dtype)])
    let weak: PromotionOperand = dtype == .bool ? .weakBool : dtype.isInteger ? .weakInteger : .weakFloat
    #expect(try DType.resultType(of: [.dtype(dtype), weak]) == strong)
  }

  @Test(arguments: [
    (DType.bfloat16, DType.float16, DType.float32), (.int64, .bfloat16, .bfloat16), (.uint8, .int8, .int16),
    (.uint32, .int8, .int64), (.int64, .uint64, .float32), (.bool, .int8, .int8), (.float64, .bfloat16, .float64),
    (.float64, .complex64, .complex64), (.uint64, .float16, .float16),
  ])
  func meets(left: DType, right: DType, result: DType) throws {
    #expect(try DType.resultType(of: [.dtype(left), .dtype(right)], floatx: .float32) == result)
  }

  /// Pair by pair, uint64 would have become uint32 first, and that goes with int8 to int64.
  @Test func allOperandsCountAtOnce() throws {
    #expect(try DType.uint64.promoted(with: .uint64).promoted(with: .int8) == .int64)
    #expect(
      try DType.resultType(of: [.dtype(.uint64), .dtype(.uint64), .dtype(.int8)], floatx: .float32) == .float32)
  }

  @Test(arguments: [
    (DType.float16, DType.int16), (.bfloat16, .int16), (.float32, .int32), (.float64, .int64),
  ])
  func weakOperandsAloneFollowFloatx(floatx: DType, integer: DType) throws {
    #expect(try DType.resultType(of: [], floatx: floatx) == floatx)
    #expect(try DType.resultType(of: [.weakFloat], floatx: floatx) == floatx)
    #expect(try DType.resultType(of: [.weakInteger, .weakFloat], floatx: floatx) == floatx)
    #expect(try DType.resultType(of: [.weakFloat, .dtype(.int64)], floatx: floatx) == floatx)
    #expect(try DType.resultType(of: [.dtype(.uint64), .dtype(.int64)], floatx: floatx) == floatx)
    #expect(try DType.resultType(of: [.weakInteger, .weakInteger], floatx: floatx) == integer)
    #expect(try DType.resultType(of: [.weakInteger, .weakBool], floatx: floatx) == integer)
    #expect(try DType.resultType(of: [.weakBool, .weakBool], floatx: floatx) == .bool)
    #expect(try DType.resultType(of: [.weakInteger, .dtype(.bool)], floatx: floatx) == integer)
    #expect(try DType.resultType(of: [.weakInteger, .dtype(.uint8)], floatx: floatx) == .uint8)
    #expect(try DType.resultType(of: [.weakFloat, .dtype(.float16)], floatx: floatx) == .float16)
    #expect(try DType.resultType(of: [.weakFloat, .dtype(.bfloat16)], floatx: floatx) == .bfloat16)
  }

  @Test func floatxIsThatOfTheEnvironment() throws {
    let environment = PolicyEnvironment(dialect: .keras3)
    try environment.setFloatx(.bfloat16)
    #expect(try withPolicyEnvironment(environment) { try DType.resultType(of: [.weakFloat]) } == .bfloat16)
  }

  @Test(arguments: [DType.float8E4M3FN, .float8E5M2])
  func float8NeverPromotes(dtype: DType) {
    for other in DType.allCases {
      let operands: [PromotionOperand] = [.dtype(other), .dtype(dtype)]
      #expect(throws: PromotionError.float8(operands: operands)) { try DType.resultType(of: operands) }
    }
    #expect(throws: PromotionError.float8(operands: [.dtype(dtype)])) { try DType.resultType(of: [.dtype(dtype)]) }
  }

  @Test(arguments: DType.allCases.filter { !promotable.contains($0) && $0 != .float8E4M3FN && $0 != .float8E5M2 })
  func othersTakeNoPart(dtype: DType) throws {
    for other in Self.operands {
      let operands: [PromotionOperand] = [other, .dtype(dtype)]
      #expect(throws: PromotionError.notPromotable(dtype, operands: operands)) {
        try DType.resultType(of: operands, floatx: .float32)
      }
    }
    #expect(try dtype.promoted(with: dtype) == dtype)
  }

  @Test(arguments: DType.allCases.filter { !floatxs.contains($0) })
  func floatxMustBeAFloat(dtype: DType) {
    #expect(throws: PromotionError.floatx(dtype)) { try DType.resultType(of: [.weakFloat], floatx: dtype) }
  }

  @Test func errorsNameTheOperands() {
    let message = "\(PromotionError.float8(operands: [.dtype(.float8E5M2), .weakInteger]))"
    #expect(message.contains("float8_e5m2, an integer literal") && message.contains("cast explicitly"))
    #expect("\(PromotionError.notPromotable(.string, operands: [.dtype(.string)]))".contains("got string"))
    #expect("\(PromotionError.floatx(.int8))".contains("got int8"))
  }
}
