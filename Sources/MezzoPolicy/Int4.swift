/// A signed integer of four bits, -8...7, in two's complement.
public struct Int4: Sendable, Hashable, Comparable, CustomStringConvertible {
  private let value: Int8

  /// -8.
  public static let min = Int4(bitPattern: 0b1000)

  /// 7.
  public static let max = Int4(bitPattern: 0b0111)

  /// The same number, or nil if it lies outside -8...7.
  public init?(exactly value: some BinaryInteger) {
    guard let value = Int8(exactly: value), (-8...7).contains(value) else { return nil }
    self.value = value
  }

  /// The nearest number of -8...7.
  public init(clamping value: some BinaryInteger) {
    self.value = Swift.max(-8, Swift.min(7, Int8(clamping: value)))
  }

  /// The number that the low four bits stand for; the others are ignored.
  public init(bitPattern: UInt8) {
    value = Int8(bitPattern: bitPattern << 4) >> 4
  }

  /// The number's bits in the low four; the others are zero.
  public var bitPattern: UInt8 { UInt8(bitPattern: value) & 0x0F }

  public static func < (left: Int4, right: Int4) -> Bool { left.value < right.value }

  public var description: String { value.description }
}

/// An unsigned integer of four bits, 0...15.
public struct UInt4: Sendable, Hashable, Comparable, CustomStringConvertible {
  private let value: UInt8

  /// 0.
  public static let min = UInt4(bitPattern: 0)

  /// 15.
  public static let max = UInt4(bitPattern: 0x0F)

  /// The same number, or nil if it lies outside 0...15.
  public init?(exactly value: some BinaryInteger) {
    guard let value = UInt8(exactly: value), value <= 15 else { return nil }
    self.value = value
  }

  /// The nearest number of 0...15.
  public init(clamping value: some BinaryInteger) {
    self.value = Swift.min(15, UInt8(clamping: value))
  }

  /// The number that the low four bits stand for; the others are ignored.
  public init(bitPattern: UInt8) {
    value = bitPattern & 0x0F
  }

  /// The number's bits in the low four; the others are zero.
  public var bitPattern: UInt8 { value }

  public static func < (left: UInt4, right: UInt4) -> Bool { left.value < right.value }

  public var description: String { value.description }
}

extension Int {
  /// The same number.
  public init(_ value: Int4) { self = Int(Int8(bitPattern: value.bitPattern << 4) >> 4) }

  /// The same number.
  public init(_ value: UInt4) { self = Int(value.bitPattern) }
}
