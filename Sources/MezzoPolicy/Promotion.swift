/// One side of an operation whose operands may differ in dtype.
public enum PromotionOperand: Sendable, Hashable, CustomStringConvertible {
  /// A tensor or a variable.
  case dtype(DType)
  /// An integer written in the program. It gives way to every integer and float of a tensor.
  case weakInteger
  /// A floating-point number written in the program. It gives way to every float of a tensor.
  case weakFloat
  /// A boolean written in the program. It is as strong as a tensor's, because nothing is below `bool`.
  case weakBool

  public var description: String {
    switch self {
    case .dtype(let dtype): dtype.name
    case .weakInteger: "an integer literal"
    case .weakFloat: "a float literal"
    case .weakBool: "a boolean literal"
    }
  }
}

/// Why operands have no common dtype.
public enum PromotionError: Error, Hashable, Sendable, CustomStringConvertible {
  /// One of the operands is a float of 8 bits, which becomes another dtype only when it is told to.
  case float8(operands: [PromotionOperand])
  /// The dtype takes no part in promotion: `string`, `resource`, quantised and 4-bit kinds.
  case notPromotable(DType, operands: [PromotionOperand])
  /// Weak floats cannot become this.
  case floatx(DType)

  public var description: String {
    switch self {
    case .float8(let operands):
      "expected operands that promote, got \(Self.list(operands)): float8 has to be cast explicitly"
    case .notPromotable(let dtype, let operands):
      """
      expected booleans, integers of 8 bits and more, floats or complex numbers, got \(dtype) in \
      \(Self.list(operands)): cast it explicitly
      """
    case .floatx(let dtype): "expected floatx to be float16, bfloat16, float32 or float64, got \(dtype)"
    }
  }

  private static func list(_ operands: [PromotionOperand]) -> String {
    operands.map(\.description).joined(separator: ", ")
  }
}

extension DType {
  /// The dtype that operands of these dtypes are cast to before they meet.
  ///
  /// It is the least dtype that is above all of them, by Keras 3's `result_type` on TensorFlow: `bfloat16` and `float16`
  /// meet in `float32`; an integer takes the dtype of a float whatever its size; `int64` and `uint64` meet in a weak float.
  /// `uint64` becomes `uint32` and `complex128` becomes `complex64`, also by themselves. Order does not matter. All
  /// operands count at once: promoting pair by pair may end elsewhere.
  ///
  /// Where only weak operands decide, the result is `floatx` for floats and the signed integer of its width for
  /// integers. Keras 3 goes by the last two digits of `floatx`, so that `bfloat16` gives `float16` there; here it gives
  /// `bfloat16`.
  ///
  /// Operands that all have the same dtype need no promotion: even `string` is accepted then, but not float8.
  ///
  /// - Returns: `floatx` if there are no operands.
  /// - Throws: ``PromotionError``
  public static func resultType(
    of operands: [PromotionOperand], floatx: DType = MezzoPolicy.floatx()
  ) throws(PromotionError) -> DType {
    guard let weakInteger = floatx.integerOfFloatxWidth else { throw .floatx(floatx) }
    guard let first = operands.first else { return floatx }
    if operands.contains(.dtype(.float8E4M3FN)) || operands.contains(.dtype(.float8E5M2)) {
      throw .float8(operands: operands)
    }
    if case .dtype(let dtype) = first, operands.allSatisfy({ $0 == first }) { return dtype.promoted }
    switch try PromotionLattice.leastUpperBound(of: operands) {
    case .dtype(let dtype): return dtype.promoted
    case .weakInteger: return weakInteger
    case .weakFloat: return floatx
    case .weakBool: return .bool
    }
  }

  /// The dtype that two operands are cast to before they meet: see ``resultType(of:floatx:)``.
  ///
  /// - Throws: ``PromotionError``
  public func promoted(with other: DType) throws(PromotionError) -> DType {
    try Self.resultType(of: [.dtype(self), .dtype(other)])
  }

  private var integerOfFloatxWidth: DType? {
    switch self {
    case .float16, .bfloat16: .int16
    case .float32: .int32
    case .float64: .int64
    default: nil
    }
  }

  /// Keras 3 computes in no kinds wider than these.
  private var promoted: DType {
    switch self {
    case .uint64: .uint32
    case .complex128: .complex64
    default: self
    }
  }
}

/// The order of dtypes in which promotion looks for a least upper bound: that of JAX, which Keras 3 follows.
private enum PromotionLattice {
  /// What is next above each; the rest follows.
  static let next: [PromotionOperand: [PromotionOperand]] = [
    .weakBool: [.dtype(.bool)],
    .dtype(.bool): [.weakInteger],
    .weakInteger: [.dtype(.uint8), .dtype(.int8)],
    .dtype(.uint8): [.dtype(.uint16), .dtype(.int16)],
    .dtype(.uint16): [.dtype(.uint32), .dtype(.int32)],
    .dtype(.uint32): [.dtype(.uint64), .dtype(.int64)],
    .dtype(.uint64): [.weakFloat],
    .dtype(.int8): [.dtype(.int16)],
    .dtype(.int16): [.dtype(.int32)],
    .dtype(.int32): [.dtype(.int64)],
    .dtype(.int64): [.weakFloat],
    .weakFloat: [.dtype(.bfloat16), .dtype(.float16)],
    .dtype(.bfloat16): [.dtype(.float32)],
    .dtype(.float16): [.dtype(.float32)],
    .dtype(.float32): [.dtype(.float64), .dtype(.complex64)],
    .dtype(.float64): [.dtype(.complex128)],
    .dtype(.complex64): [.dtype(.complex128)],
    .dtype(.complex128): [],
  ]

  /// Each with all that is above it.
  static let upperBounds: [PromotionOperand: Set<PromotionOperand>] = {
    var bounds: [PromotionOperand: Set<PromotionOperand>] = [:]
    for operand in next.keys {
      var reached: Set = [operand]
      var open = [operand]
      while let lowest = open.popLast() {
        open += (next[lowest] ?? []).filter { reached.insert($0).inserted }
      }
      bounds[operand] = reached
    }
    return bounds
  }()

  static func leastUpperBound(of operands: [PromotionOperand]) throws(PromotionError) -> PromotionOperand {
    // Everything is at or above this one, and complex128 at or above everything.
    var common = upperBounds[.weakBool] ?? []
    for operand in operands {
      guard let bounds = upperBounds[operand] else {
        guard case .dtype(let dtype) = operand else { continue }
        throw .notPromotable(dtype, operands: operands)
      }
      common.formIntersection(bounds)
    }
    return common.first { upperBounds[$0] == common } ?? .dtype(.complex128)
  }
}
