/// A setting that a layer got after configurations of it were saved: `false` in one that does not have it.
@propertyWrapper public struct OffUnlessSaid: Codable, Hashable, Sendable {
  public var wrappedValue: Bool

  public init(wrappedValue: Bool) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws { wrappedValue = try Bool(from: decoder) }

  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

extension KeyedDecodingContainer {
  /// What synthesized decoding of such a member calls.
  func decode(_ type: OffUnlessSaid.Type, forKey key: Key) throws -> OffUnlessSaid {
    try decodeIfPresent(type, forKey: key) ?? OffUnlessSaid(wrappedValue: false)
  }
}
