import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

struct CastTests {
  private static let small: [DType] = [.float16, .bfloat16]

  @Test(arguments: small)
  func everyPatternWidensToItsValue(_ dtype: DType) throws {
    let format = try #require(dtype.smallFloat)
    let all = try tensor(Array(UInt16.min...UInt16.max), dtype)
    let floats = elements(try compute(.cast, [all], to: TensorType(.float32, all.shape))[0], as: Float.self)
    let doubles = elements(try compute(.cast, [all], to: TensorType(.float64, all.shape))[0], as: Double.self)
    for pattern in UInt16.min...UInt16.max {
      let value = format.decode(pattern)
      let (float, double) = (floats[Int(pattern)], doubles[Int(pattern)])
      guard !value.isNaN else {
        if !float.isNaN || !double.isNaN { Issue.record("\(dtype) pattern \(pattern) is no longer NaN") }
        continue
      }
      if Double(float).bitPattern != value.bitPattern || double.bitPattern != value.bitPattern {
        Issue.record("\(dtype) pattern \(pattern) is \(value), got \(float) and \(double)")
      }
    }
  }

  /// All values, and between any two neighbours the tie and what lies right before and behind it.
  @Test(arguments: small)
  func everyTieGoesToEven(_ dtype: DType) throws {
    let format = try #require(dtype.smallFloat)
    let largest = format.encode(format.greatestFinite)
    var values: [Double] = []
    for pattern in 0...largest {
      let value = format.decode(pattern)
      let next = pattern == largest ? value + (value - format.decode(pattern - 1)) : format.decode(pattern + 1)
      let tie = value + (next - value) / 2
      values += [value, tie.nextDown, tie, tie.nextUp]
    }
    values += values.map { -$0 }
    let source = try tensor(values, .float64)
    let got = elements(try compute(.cast, [source], to: TensorType(dtype, source.shape))[0], as: UInt16.self)
    let wrong = values.indices.filter { got[$0] != format.encode(values[$0]) }
    #expect(wrong.isEmpty, "\(wrong.count) wrong, first \(values[wrong[0]])")
  }

  /// By way of float32 these would be rounded to a tie first, and then to the wrong side of it.
  @Test func float64BecomesFloat16InOneRounding() throws {
    let values = [1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-11 - 0x1p-40, 65520 - 0x1p-30, 0x1p-25 + 0x1p-60]
    let source = try Tensor(values, shape: [4], dtype: .float64)
    let got = try compute(.cast, [source], to: TensorType(.float16, [4]))[0]
    #expect(got.scalars() == [1 + 0x1p-10, 1, 65504, 0x1p-24])
  }

  @Test func integersOf64BitsRoundOnce() throws {
    let values: [Int64] = [.max, .min, (1 << 53) + 1, (1 << 24) + 1, -(1 << 60) - 1, (1 << 62) + (1 << 38) + 1]
    let source = try tensor(values, .int64)
    let floats = elements(try compute(.cast, [source], to: TensorType(.float32, [6]))[0], as: Float.self)
    let doubles = elements(try compute(.cast, [source], to: TensorType(.float64, [6]))[0], as: Double.self)
    #expect(floats == values.map { Float($0) })
    #expect(doubles == values.map { Double($0) })
    let unsigned: [UInt64] = [.max, 1 << 63, (1 << 63) + (1 << 39) + 1]
    let wide = elements(
      try compute(.cast, [try tensor(unsigned, .uint64)], to: TensorType(.float32, [3]))[0], as: Float.self)
    #expect(wide == unsigned.map { Float($0) })
  }

  @Test func floatsSaturateAsIntegers() throws {
    let source = try Tensor([.nan, .infinity, -.infinity, 1e30, -1e30, -0.9, 2.9], shape: [7], dtype: .float32)
    let got = elements(try compute(.cast, [source], to: TensorType(.int64, [7]))[0], as: Int64.self)
    #expect(got == [0, .max, .min, .max, .min, 0, 2])
    let bytes = elements(try compute(.cast, [source], to: TensorType(.uint8, [7]))[0], as: UInt8.self)
    #expect(bytes == [0, 255, 0, 255, 0, 0, 2])
  }

  @Test func integersKeepTheirLowBits() throws {
    let values: [Int64] = [.max, .min, 0x1_2345_6789, -1]
    let got = elements(
      try compute(.cast, [try tensor(values, .int64)], to: TensorType(.int32, [4]))[0], as: Int32.self)
    #expect(got == values.map { Int32(truncatingIfNeeded: $0) })
  }
}
