/// The storage of `float8_e4m3fn`. Largest value 448; there is no infinity, and what is too great becomes NaN.
public struct Float8E4M3FN: SmallFloatingPoint {
  public let bitPattern: UInt8

  @inlinable
  public init(bitPattern: UInt8) { self.bitPattern = bitPattern }

  @inlinable public static var format: SmallFloat { .float8E4M3FN }
}

/// The storage of `float8_e5m2`. Largest value 57344; it has infinities and NaNs as IEEE 754 formats do.
public struct Float8E5M2: SmallFloatingPoint {
  public let bitPattern: UInt8

  @inlinable
  public init(bitPattern: UInt8) { self.bitPattern = bitPattern }

  @inlinable public static var format: SmallFloat { .float8E5M2 }
}
