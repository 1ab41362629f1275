/// The layout of a floating-point format of at most 16 bits, and the conversions that follow from it.
///
/// A format is a sign bit, `exponentBits` and `significandBits`, from the high bit down, with the bias of IEEE 754.
/// All conversions work on raw bits held in the low ``bitWidth`` bits of a `UInt16`; they round once, to nearest with
/// ties to even, also into the subnormals and straight from `Double`.
///
/// Rules: IEEE 754-2019 for float16; *FP8 Formats for Deep Learning* (Micikevicius et al., 2022) for the 8-bit
/// formats; what is greater than float8_e4m3fn can hold becomes NaN, as in `ml_dtypes` and so in TensorFlow and JAX.
public struct SmallFloat: Sendable, Hashable {
  /// Bits of the exponent.
  public let exponentBits: Int

  /// Stored significand bits, without the implicit leading one.
  public let significandBits: Int

  /// Whether the highest exponent is kept for infinity and NaNs, as in IEEE 754. Without it that exponent holds
  /// ordinary values, and only the very last code is a NaN.
  public let hasInfinity: Bool

  @inlinable
  init(exponentBits: Int, significandBits: Int, hasInfinity: Bool) {
    self.exponentBits = exponentBits
    self.significandBits = significandBits
    self.hasInfinity = hasInfinity
  }

  // Computed and inlinable, so that a caller's conversion is compiled for the one format that it names.

  /// IEEE 754 binary16.
  @inlinable public static var float16: SmallFloat {
    SmallFloat(exponentBits: 5, significandBits: 10, hasInfinity: true)
  }

  /// The upper half of IEEE 754 binary32.
  @inlinable public static var bfloat16: SmallFloat {
    SmallFloat(exponentBits: 8, significandBits: 7, hasInfinity: true)
  }

  /// The 8-bit format of greater precision, which has no infinity.
  @inlinable public static var float8E4M3FN: SmallFloat {
    SmallFloat(exponentBits: 4, significandBits: 3, hasInfinity: false)
  }

  /// The 8-bit format of greater range, arranged as IEEE 754 formats are.
  @inlinable public static var float8E5M2: SmallFloat {
    SmallFloat(exponentBits: 5, significandBits: 2, hasInfinity: true)
  }

  /// Bits of one value: 8 or 16.
  @inlinable public var bitWidth: Int { 1 + exponentBits + significandBits }

  /// The bits of the value nearest to `value`; ties go to the even significand.
  ///
  /// A magnitude that rounds beyond ``greatestFinite`` becomes infinity, or NaN where the format has no infinity. A
  /// NaN stays a NaN of its sign, made quiet, with as much of its payload as fits.
  ///
  /// TensorFlow narrows `float64` by way of `float32` and so rounds twice; this does not.
  @inlinable
  public func encode(_ value: Double) -> UInt16 {
    let magnitude = value.bitPattern & ~Self.doubleSign
    let code = magnitude > Self.doubleInfinity ? encodeNaN(magnitude) : encodeMagnitude(magnitude)
    return value.sign == .minus ? signBit | code : code
  }

  /// The bits of the value nearest to `value`, as ``encode(_:)-(Double)`` gives them.
  @inlinable
  public func encode(_ value: Float) -> UInt16 {
    // Exact, so that it is still the narrowing alone that rounds.
    encode(Double(value))
  }

  /// The value that these bits stand for, exactly. Bits above ``bitWidth`` are ignored.
  @inlinable
  public func decode(_ bits: UInt16) -> Double {
    let sign = bits & signBit == 0 ? 0 : Self.doubleSign
    let magnitude = UInt64(bits & (signBit &- 1))
    let exponent = Int(magnitude >> UInt64(significandBits))
    let fraction = magnitude & (1 << UInt64(significandBits) - 1)
    let shifted = fraction << UInt64(Self.doubleSignificandBits - significandBits)

    if magnitude > UInt64(greatestFiniteCode) {
      if hasInfinity { return Double(bitPattern: sign | Self.doubleInfinity | shifted) }
      return Double(bitPattern: sign | Double.nan.bitPattern)
    }
    if exponent == 0 {
      // A product with a power of two is exact here; it gives both the subnormals and the two zeros.
      return Double(bitPattern: sign | (Double(fraction) * leastSubnormal).bitPattern)
    }
    return Double(bitPattern: sign | Self.doublePower(exponent - bias) | shifted)
  }

  /// The value that these bits stand for, exactly: every one of these formats is a subset of `Float`.
  @inlinable
  public func decodeFloat(_ bits: UInt16) -> Float { Float(decode(bits)) }

  /// The largest finite value.
  @inlinable public var greatestFinite: Double { decode(greatestFiniteCode) }

  /// The least positive value that has full precision.
  @inlinable public var leastNormal: Double { Double(bitPattern: Self.doublePower(1 - bias)) }

  /// The least positive value.
  @inlinable public var leastSubnormal: Double { Double(bitPattern: Self.doublePower(1 - bias - significandBits)) }

  /// The distance from 1 to the next greater value.
  @inlinable public var epsilon: Double { Double(bitPattern: Self.doublePower(-significandBits)) }
}

extension SmallFloat {
  @inlinable static var doubleSignificandBits: Int { 52 }
  @inlinable static var doubleBias: Int { 1023 }
  @inlinable static var doubleSign: UInt64 { 1 << 63 }
  @inlinable static var doubleInfinity: UInt64 { 0x7FF << 52 }

  @inlinable
  static func doublePower(_ exponent: Int) -> UInt64 { UInt64(exponent + doubleBias) << UInt64(doubleSignificandBits) }

  @inlinable var bias: Int { 1 << (exponentBits - 1) - 1 }
  @inlinable var signBit: UInt16 { 1 << UInt16(exponentBits + significandBits) }

  @inlinable
  var greatestFiniteCode: UInt16 {
    let topExponent: UInt16 = (1 << UInt16(exponentBits) - 1) << UInt16(significandBits)
    return hasInfinity ? topExponent - 1 : signBit - 2
  }

  @inlinable
  func encodeNaN(_ magnitude: UInt64) -> UInt16 {
    guard hasInfinity else { return signBit - 1 }
    let quiet: UInt16 = 1 << UInt16(significandBits - 1)
    // The bits above the payload are the Double's exponent, all ones, and so is the exponent that they become.
    let top = UInt16(truncatingIfNeeded: magnitude >> UInt64(Self.doubleSignificandBits - significandBits))
    return quiet | (top & (signBit - 1))
  }

  @inlinable
  func encodeMagnitude(_ magnitude: UInt64) -> UInt16 {
    let exponent = Int(magnitude >> UInt64(Self.doubleSignificandBits)) - Self.doubleBias
    // Zero and the Double's own subnormals, which lie far below a half of every format's least value.
    guard exponent + Self.doubleBias != 0 else { return 0 }
    let fraction = magnitude & (1 << UInt64(Self.doubleSignificandBits) - 1)
    let significand = fraction | 1 << UInt64(Self.doubleSignificandBits)

    let leastExponent = 1 - bias
    let surplusBits = Self.doubleSignificandBits - significandBits
    // The implicit one, or a carry out of the rounding, is meant to step the exponent up: codes are ordered as the
    // values are.
    let code =
      exponent < leastExponent
      ? Self.shiftToNearestEven(significand, by: surplusBits + leastExponent - exponent)
      : UInt64(exponent - leastExponent) << UInt64(significandBits)
        + Self.shiftToNearestEven(significand, by: surplusBits)
    return code > UInt64(greatestFiniteCode) ? greatestFiniteCode + 1 : UInt16(code)
  }

  /// `significand` / 2^`count` to the nearest integer, ties to even, for a significand of 53 bits and a positive count.
  @inlinable
  static func shiftToNearestEven(_ significand: UInt64, by count: Int) -> UInt64 {
    // From here on the quotient is less than a half.
    guard count <= doubleSignificandBits + 1 else { return 0 }
    let half: UInt64 = 1 << UInt64(count - 1)
    let isOdd = (significand >> UInt64(count)) & 1
    return (significand + half - 1 + isOdd) >> UInt64(count)
  }
}
