/// A setting that a layer got after configurations of it were saved: one that does not have it means what the layer did before.
@propertyWrapper public struct AddedLater<Value: AddedSetting>: Codable, Hashable, Sendable {
  public var wrappedValue: Value

  public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }

  public init(from decoder: any Decoder) throws { wrappedValue = try Value(from: decoder) }

  public func encode(to encoder: any Encoder) throws { try wrappedValue.encode(to: encoder) }
}

/// What a setting can be that layers did not always have: `init()` is what they did without it, false or 0.
public protocol AddedSetting: Codable, Hashable, Sendable { init() }

extension Bool: AddedSetting {}
extension Double: AddedSetting {}

extension KeyedDecodingContainer {
  /// What synthesized decoding of such a member calls.
  func decode<Value>(_ type: AddedLater<Value>.Type, forKey key: Key) throws -> AddedLater<Value> {
    try decodeIfPresent(type, forKey: key) ?? AddedLater(wrappedValue: Value())
  }
}
