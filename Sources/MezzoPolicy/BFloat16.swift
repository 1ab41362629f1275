/// The storage of `bfloat16`: the upper half of a `Float`. Its range is that of `Float`; integers are exact to 256.
public struct BFloat16: SmallFloatingPoint {
  public let bitPattern: UInt16

  @inlinable
  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  @inlinable public static var format: SmallFloat { .bfloat16 }
}

// Each result is the exact one rounded once, although Double rounds before: 53 bits are more than twice 8 and 2 more,
// which makes the first rounding harmless (Figueroa, 1995), and Double's range is so wide that no intermediate is
// subnormal.
extension BFloat16 {
  /// The sum, rounded once.
  @inlinable public static func + (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(Double(left) + Double(right))
  }

  /// The difference, rounded once.
  @inlinable public static func - (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(Double(left) - Double(right))
  }

  /// The product, rounded once.
  @inlinable public static func * (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(Double(left) * Double(right))
  }

  /// The quotient, rounded once.
  @inlinable public static func / (left: BFloat16, right: BFloat16) -> BFloat16 {
    BFloat16(Double(left) / Double(right))
  }

  /// The value with its sign turned, exactly, also of a zero or NaN.
  @inlinable public static prefix func - (value: BFloat16) -> BFloat16 {
    BFloat16(bitPattern: value.bitPattern ^ 0x8000)
  }
}
