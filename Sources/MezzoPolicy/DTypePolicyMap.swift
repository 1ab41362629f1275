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
public struct DTypePolicyMap: Sendable, Hashable, CustomStringConvertible {
  /// What layers follow that match no entry.
  public let defaultPolicy: DTypePolicy

  /// In the order in which they were added.
  public private(set) var keys: [String] = []
  private var policies: [String: DTypePolicy] = [:]

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
  ///   whose cost is bounded: at most 256 characters, four unlimited repetitions, and none of a group that repeats or
  ///   chooses inside.
  public mutating func insert(_ policy: DTypePolicy, for key: String) throws(PolicyError) {
    guard policies[key] == nil else { throw .mapEntry(key: key, expected: "each key once") }
    if let flaw = PathPattern.flaw(of: key) { throw .mapEntry(key: key, expected: flaw) }
    keys.append(key)
    policies[key] = policy
  }

  /// Takes an entry away.
  ///
  /// - Throws: ``PolicyError/missingMapEntry(key:)`` if there is none with this key.
  public mutating func remove(_ key: String) throws(PolicyError) {
    guard policies.removeValue(forKey: key) != nil else { throw .missingMapEntry(key: key) }
    keys.removeAll { $0 == key }
  }

  /// What a layer at `path` follows. Its ``DTypePolicy/origin`` is ``PolicyOrigin/map``.
  ///
  /// - Throws: ``PolicyError/ambiguousPath(path:keys:)`` if no key is the path and more than one pattern matches it.
  public func policy(forPath path: String) throws(PolicyError) -> DTypePolicy {
    if let exact = policies[path] { return exact.from(.map) }
    let matching = keys.filter { PathPattern.matches($0, path) }
    guard matching.count <= 1 else { throw .ambiguousPath(path: path, keys: matching) }
    return (matching.first.flatMap { policies[$0] } ?? defaultPolicy).from(.map)
  }
}

/// Keys as regular expressions.
private enum PathPattern {
  private static let longest = 256
  private static let unlimitedRepetitions = 4

  /// What is wrong with a key, if anything. A pattern comes from a file as often as from a program, and its matching must
  /// not take forever: repetitions inside repetitions do.
  static func flaw(of pattern: String) -> String? {
    guard pattern.count <= longest else { return "at most \(longest) characters" }
    guard (try? Regex(pattern)) != nil else { return "a regular expression" }
    var unlimited = 0
    var branching: [Bool] = []
    var closedBranching = false
    var isEscaped = false
    var isInClass = false
    for character in pattern {
      let followsBranchingGroup = closedBranching
      closedBranching = false
      if isEscaped {
        isEscaped = false
        continue
      }
      switch character {
      case "\\": isEscaped = true
      case "[": isInClass = true
      case "]": isInClass = false
      case _ where isInClass: break
      case "(": branching.append(false)
      case ")":
        closedBranching = branching.popLast() ?? false
        if closedBranching, !branching.isEmpty { branching[branching.count - 1] = true }
      case "|": if !branching.isEmpty { branching[branching.count - 1] = true }
      case "*", "+", "{":
        if followsBranchingGroup { return "no repetition of a group that repeats or chooses inside" }
        unlimited += 1
        if !branching.isEmpty { branching[branching.count - 1] = true }
      default: break
      }
    }
    return unlimited > unlimitedRepetitions ? "at most \(unlimitedRepetitions) repetitions" : nil
  }

  static func matches(_ pattern: String, _ path: String) -> Bool {
    guard path.count <= longest, let regex = try? Regex(pattern) else { return false }
    return (try? regex.wholeMatch(in: path)) != nil
  }
}
