extension DTypePolicyMap: Codable {
  /// The map with this configuration, which is Keras 3's: `{"default_policy": …, "policy_map": {path: policy}}`.
  ///
  /// A null or absent default is the global policy. Entries come in the order of their keys, since JSON keeps none; which
  /// of them a path finds does not depend on it.
  ///
  /// - Throws: ``PolicyError/configuration(place:expected:found:)`` where it is not of that form, what reading the policies
  ///   throws, and what ``insert(_:for:)`` throws.
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
    case let value?: self.init(default: try Self.policy(value, at: "map.default_policy", dialect))
    }
    switch members["policy_map"] {
    case nil, .null: break
    case .object(let entries):
      for (key, value) in entries.sorted(by: { $0.key < $1.key }) {
        try insert(try Self.policy(value, at: "map.policy_map[\"\(key)\"]", dialect), for: key)
      }
    case let other?: throw .configuration(place: "map.policy_map", expected: "an object", found: other.kind)
    }
  }

  private static func policy(
    _ value: ConfigurationValue, at place: String, _ dialect: PolicyDialect
  ) throws(PolicyError) -> DTypePolicy {
    guard value["class_name"] != .string(className) else {
      throw .mapEntry(key: place, expected: "a policy and no policy map")
    }
    if case .string(let name) = value { return try DTypePolicy.get(.name(name), dialect: dialect) }
    return try DTypePolicy.deserialize(value, dialect: dialect)
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
