import MezzoPolicy
import Testing

struct DTypeLimitsTests {
  struct Limits: Sendable {
    let dtype: DType
    let greatest, normal, subnormal, epsilon: Double
  }

  /// The values of `numpy.finfo` and `ml_dtypes.finfo`.
  static let known = [
    Limits(dtype: .float8E4M3FN, greatest: 448, normal: 0x1p-6, subnormal: 0x1p-9, epsilon: 0x1p-3),
    Limits(dtype: .float8E5M2, greatest: 57344, normal: 0x1p-14, subnormal: 0x1p-16, epsilon: 0x1p-2),
    Limits(dtype: .float16, greatest: 65504, normal: 0x1p-14, subnormal: 0x1p-24, epsilon: 0x1p-10),
    Limits(dtype: .bfloat16, greatest: 0x1.FEp127, normal: 0x1p-126, subnormal: 0x1p-133, epsilon: 0x1p-7),
    Limits(dtype: .float32, greatest: 0x1.FFFFFEp127, normal: 0x1p-126, subnormal: 0x1p-149, epsilon: 0x1p-23),
    Limits(
      dtype: .float64, greatest: .greatestFiniteMagnitude, normal: 0x1p-1022, subnormal: 0x1p-1074, epsilon: 0x1p-52),
  ]

  @Test(arguments: known)
  func limits(of known: Limits) {
    #expect(known.dtype.greatestFinite == known.greatest)
    #expect(known.dtype.leastNormal == known.normal)
    #expect(known.dtype.leastSubnormal == known.subnormal)
    #expect(known.dtype.epsilon == known.epsilon)
    #expect(known.dtype.isFloatingPoint)
  }

  @Test func onlyFloatingPointHasLimits() {
    for dtype in DType.allCases where !dtype.isFloatingPoint {
      #expect(dtype.greatestFinite == nil && dtype.leastNormal == nil)
      #expect(dtype.leastSubnormal == nil && dtype.epsilon == nil)
    }
    for dtype in DType.allCases {
      let isSmall = dtype.isFloatingPoint && (dtype.byteWidth ?? 0) <= 2
      #expect((dtype.smallFloat != nil) == isSmall)
      if let format = dtype.smallFloat { #expect(format.bitWidth == dtype.bitWidth) }
    }
  }
}
