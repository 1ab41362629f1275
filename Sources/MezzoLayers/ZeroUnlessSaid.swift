/// A setting that a layer got after configurations of it were saved: 0 in one that does not have it.
@propertyWrapper public struct ZeroUnlessSaid: Codable, Hashable, Sendable {
  public var wrappedValue: Double

  public init(wrappedValue: Double) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws { wrappedValue = try Double(from: decoder) }

  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension KeyedDecodingContainer {
  /// What synthesized decoding of such a member calls.
  func decode(_ type: ZeroUnlessSaid.Type, forKey key: Key) throws -> ZeroUnlessSaid {
    try decodeIfPresent(type, forKey: key) ?? ZeroUnlessSaid(wrappedValue: 0)
  }
}
