/// Policies for the layers of a model, by their paths.
///
/// A layer follows the entry that is its path; else the entry whose key, as a regular expression, matches all of the
/// path; else the default. As in Keras 3, more than one match is an error. Unlike there, so is a bad pattern at once, and
/// paths are known before the first call.
///
/// ```swift
/// let map = try DTypePolicyMap(default: .mixedBFloat16, ["encoder.dense": .float32, "head[.].*": .float32])
/// try map.policy(forPath: "head.dense_1")  // float32
/// ```
public struct DTypePolicyMap: Sendable, CustomStringConvertible {
  /// What layers follow that match no entry.
  public let defaultPolicy: DTypePolicy

  /// In the order in which they were added.
  public private(set) var keys: [String] = []
  private var policies: [String: DTypePolicy] = [:]
  private var patterns: [String: PathPattern] = [:]

  public init(default defaultPolicy: DTypePolicy = globalPolicy()) { self.defaultPolicy = defaultPolicy }

  /// - Throws: what ``insert(_:for:)`` throws.
  public init(
    default defaultPolicy: DTypePolicy = globalPolicy(), _ entries: KeyValuePairs<String, DTypePolicy>
  ) throws(PolicyError) {
    self.init(default: defaultPolicy)
    for (key, policy) in entries { try insert(policy, for: key) }
  }

  public var count: Int { keys.count }

  /// As Keras names it: `map_float32`.
  public var name: String { "map_\(defaultPolicy.name)" }

  /// As Keras prints it: `<DTypePolicyMap default_policy=float32, mapping=[('head', 'float16')]>`.
  public var description: String {
    let mapping = keys.map { "('\($0)', '\(policies[$0]?.name ?? "")')" }.joined(separator: ", ")
    return "<DTypePolicyMap default_policy=\(defaultPolicy.name), mapping=[\(mapping)]>"
  }

  /// The policy of the entry with exactly this key.
  public subscript(key: String) -> DTypePolicy? { policies[key] }

  /// Adds an entry.
  ///
  /// - Throws: ``PolicyError/mapEntry(key:expected:)`` if there is one with this key, or the key is no regular expression
  ///   of up to 256 characters with what regular languages have: no assertions, no references back.
  public mutating func insert(_ policy: DTypePolicy, for key: String) throws(PolicyError) {
    if let present = policies[key] {
      throw .mapEntry(key: key, expected: "each key once, and this one is there for \(present.name)")
    }
    do throws(PathPattern.Flaw) {
      patterns[key] = try PathPattern(key)
    } catch {
      throw .mapEntry(key: key, expected: error.expected)
    }
    keys.append(key)
    policies[key] = policy
  }

  /// Adds an entry for what stands for its policy, as ``DTypePolicy/get(_:dialect:)`` reads it.
  ///
  /// - Throws: ``PolicyError/mapPolicy(key:error:)`` if it stands for none, and what ``insert(_:for:)`` throws.
  public mutating func insert(
    _ identifier: PolicyIdentifier, for key: String, dialect: PolicyDialect = PolicyEnvironment.current.dialect
  ) throws(PolicyError) {
    try insert(try Self.policy(identifier, for: key, dialect), for: key)
  }

  static func policy(
    _ identifier: PolicyIdentifier, for key: String, _ dialect: PolicyDialect
  ) throws(PolicyError) -> DTypePolicy {
    if case .configuration(let value) = identifier, value["class_name"] == .string(className) {
      throw .mapEntry(key: key, expected: "a policy and no policy map")
    }
    do throws(PolicyError) {
      return try DTypePolicy.get(identifier, dialect: dialect)
    } catch {
      throw .mapPolicy(key: key, error: error)
    }
  }

  /// Takes an entry away.
  ///
  /// - Throws: ``PolicyError/missingMapEntry(key:)`` if there is none with this key.
  public mutating func remove(_ key: String) throws(PolicyError) {
    guard policies.removeValue(forKey: key) != nil else { throw .missingMapEntry(key: key) }
    patterns[key] = nil
    keys.removeAll { $0 == key }
  }

  /// What a layer at `path` follows. Its ``DTypePolicy/origin`` is ``PolicyOrigin/map``.
  ///
  /// - Throws: ``PolicyError/ambiguousPath(path:keys:)`` if no key is the path and more than one pattern matches it.
  public func policy(forPath path: String) throws(PolicyError) -> DTypePolicy {
    if let exact = policies[path] { return exact.from(.map) }
    let matching = keys.filter { patterns[$0]?.matches(path) ?? false }
    guard matching.count <= 1 else { throw .ambiguousPath(path: path, keys: matching) }
    return (matching.first.flatMap { policies[$0] } ?? defaultPolicy).from(.map)
  }
}

/// By what layers find in it: the order of entries does not count.
extension DTypePolicyMap: Hashable {
  public static func == (left: DTypePolicyMap, right: DTypePolicyMap) -> Bool {
    left.defaultPolicy == right.defaultPolicy && left.policies == right.policies
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(defaultPolicy)
    hasher.combine(policies)
  }
}
