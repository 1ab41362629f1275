extension DTypePolicyMap: Codable {
  /// The map with this configuration, which is Keras 3's: `{"default_policy": …, "policy_map": {path: policy}}`.
  ///
  /// A null or absent default is the global policy. Entries come in the order of their keys, since JSON keeps none; which
  /// of them a path finds does not depend on it.
  ///
  /// - Throws: ``PolicyError/configuration(place:expected:found:)`` where it is not of that form, and what
  ///   ``insert(_:for:dialect:)`` throws.
  public init(configuration: ConfigurationValue, dialect: PolicyDialect = .mezzo) throws(PolicyError) {
    guard case .object(let members) = configuration else {
      throw .configuration(
        place: "map", expected: "an object with default_policy and policy_map", found: configuration.kind)
    }
    let known: Set = ["default_policy", "policy_map"]
    if let unknown = members.keys.filter({ !known.contains($0) }).min() {
      throw .configuration(
        place: "map", expected: "the keys default_policy and policy_map", found: "the key \"\(unknown)\"")
    }
    switch members["default_policy"] {
    case nil, .null: self.init()
    case let value?: self.init(default: try Self.policy(Self.identifier(value), for: "default_policy", dialect))
    }
    switch members["policy_map"] {
    case nil, .null: break
    case .object(let entries):
      for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
        try insert(Self.identifier(value), for: key, dialect: dialect)
      }
    case let other?: throw .configuration(place: "map.policy_map", expected: "an object", found: other.kind)
    }
  }

  private static func identifier(_ value: ConfigurationValue) -> PolicyIdentifier {
    if case .string(let name) = value { .name(name) } else { .configuration(value) }
  }

  static let className = "DTypePolicyMap"

  /// The configuration that ``init(configuration:dialect:)`` reads.
  public var configuration: ConfigurationValue {
    var entries: [String: ConfigurationValue] = [:]
    for key in keys { entries[key] = self[key]?.serialized() }
    return ["default_policy": defaultPolicy.serialized(), "policy_map": .object(entries)]
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let value = try container.decode(ConfigurationValue.self)
    do {
      try self.init(configuration: value)
    } catch {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "\(error)", underlyingError: error))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(configuration)
  }
}
