/// A stored floating-point number of 8 or 16 bits.
///
/// Comparison is that of IEEE 754: the zeros are equal, a NaN equals nothing and is ordered before and after nothing.
/// To compare bits, compare ``bitPattern``.
public protocol SmallFloatingPoint: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// An unsigned integer as wide as the number.
  associatedtype BitPattern: FixedWidthInteger & UnsignedInteger & Sendable

  /// The layout that gives the bits their meaning.
  static var format: SmallFloat { get }

  /// The bits as they are stored.
  var bitPattern: BitPattern { get }

  /// The number that these bits stand for.
  init(bitPattern: BitPattern)
}

extension SmallFloatingPoint {
  /// The nearest value, ties to even; NaN stays NaN. What is too great becomes infinity, or NaN where the format has
  /// no infinity.
  @inlinable
  public init(_ value: Double) {
    self.init(bitPattern: BitPattern(truncatingIfNeeded: Self.format.encode(value)))
  }

  /// The nearest value, ties to even; NaN stays NaN. What is too great becomes infinity, or NaN where the format has
  /// no infinity.
  @inlinable
  public init(_ value: Float) {
    self.init(bitPattern: BitPattern(truncatingIfNeeded: Self.format.encode(value)))
  }

  /// The nearest value to one of another format, rounded as from `Double`.
  @inlinable
  public init(_ value: some SmallFloatingPoint) { self.init(Double(value)) }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool { Float(left) == Float(right) }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { Float(left) < Float(right) }

  @inlinable
  public static func <= (left: Self, right: Self) -> Bool { Float(left) <= Float(right) }

  @inlinable
  public static func > (left: Self, right: Self) -> Bool { right < left }

  @inlinable
  public static func >= (left: Self, right: Self) -> Bool { right <= left }

  @inlinable
  public func hash(into hasher: inout Hasher) { hasher.combine(Float(self)) }

  /// The value as `Float` prints it.
  public var description: String { Float(self).description }

  /// Whether this is not a number.
  @inlinable public var isNaN: Bool { Float(self).isNaN }

  /// Whether this is neither infinite nor NaN.
  @inlinable public var isFinite: Bool { Float(self).isFinite }
}

extension Double {
  /// The same value, exactly.
  @inlinable
  public init(_ value: some SmallFloatingPoint) {
    self = type(of: value).format.decode(UInt16(truncatingIfNeeded: value.bitPattern))
  }
}

extension Float {
  /// The same value, exactly.
  @inlinable
  public init(_ value: some SmallFloatingPoint) {
    self = type(of: value).format.decodeFloat(UInt16(truncatingIfNeeded: value.bitPattern))
  }
}
