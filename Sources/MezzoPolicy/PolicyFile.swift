#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A policy, or policies by path, in a file.
///
/// ```json
/// {
///   "mezzo_policy": 1,
///   "policy": "mixed_bfloat16",
///   "map": {"default_policy": "mixed_bfloat16", "policy_map": {"head": "float32"}}
/// }
/// ```
///
/// A file may as well be what Keras 2 or Keras 3 writes: a policy, a policy map, or a layer, whose dtype is read then.
/// Whatever is not known is an error and is not passed over.
public struct PolicyFile: Sendable, Hashable {
  /// The version of the schema that this writes; it reads no later one.
  public static let version = 1

  /// What layers follow that no map mentions.
  public var policy: DTypePolicy?

  /// Policies by path.
  public var map: DTypePolicyMap?

  public init(policy: DTypePolicy? = nil, map: DTypePolicyMap? = nil) {
    self.policy = policy
    self.map = map
  }

  /// Files have at most so many bytes.
  public static let largestSize = 1 << 20

  /// Values in a file may lie so deep in others.
  public static let deepestNesting = 32

  /// Reads the text of a file.
  ///
  /// - Throws: ``PolicyError/json(line:column:expected:found:)`` if it is no JSON,
  ///   ``PolicyError/configuration(place:expected:found:)`` if it is too large, too deep, or of no form that is known,
  ///   ``PolicyError/schemaVersion(found:readable:)`` if a later Mezzo wrote it; else what reading the policies in it throws.
  public init(json: some Collection<UInt8>) throws(PolicyError) {
    guard !json.contains(0) else { throw .configuration(place: "", expected: "JSON in UTF-8", found: "a byte 0") }
    guard json.count <= Self.largestSize else {
      throw .configuration(place: "", expected: "at most \(Self.largestSize) bytes", found: "\(json.count)")
    }
    guard Self.nesting(of: json) <= Self.deepestNesting else {
      throw .configuration(
        place: "", expected: "at most \(Self.deepestNesting) values in each other", found: "more")
    }
    guard let value = try? JSONDecoder().decode(ConfigurationValue.self, from: Data(json)) else {
      let bytes = Array(json)
      // What is JSON by its form, and was refused all the same, has bytes that are no text, or a number of no kind.
      guard let flaw = JSONFlaw(in: bytes) else {
        throw .configuration(place: "", expected: "JSON in UTF-8 with numbers of 64 bits", found: "something else")
      }
      let (line, column) = flaw.place(in: bytes)
      throw .json(line: line, column: column, expected: flaw.expected, found: flaw.found(in: bytes))
    }
    try self.init(configuration: value)
  }

  /// The text that ``init(json:)`` reads, with keys in order.
  public var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // A configuration has no numbers that JSON cannot say, which is all that encoding could fail for.
    return (try? encoder.encode(configuration)).map(Array.init) ?? []
  }

  private static let versionKey = "mezzo_policy"

  /// Reads what a file holds.
  ///
  /// - Throws: what ``init(json:)`` throws.
  public init(configuration value: ConfigurationValue) throws(PolicyError) {
    if value[Self.versionKey] != nil {
      try self.init(versioned: value)
    } else if value["class_name"] == .string(DTypePolicyMap.className) {
      self.init(map: try DTypePolicyMap(configuration: value["config"] ?? .null))
    } else if let dtype = Self.layerDType(value) {
      self.init(policy: try DTypePolicy.get(.configuration(dtype)))
    } else if value["class_name"] == nil, value["name"] != nil || value["mode"] != nil {
      self.init(policy: try DTypePolicy(configuration: value))
    } else {
      try Self.requireKnownClass(value)
      self.init(policy: try DTypePolicy.deserialize(value))
    }
  }

  /// A file may be of more classes than those of policies, which its errors list too.
  private static func requireKnownClass(_ value: ConfigurationValue) throws(PolicyError) {
    guard case .string(let name)? = value["class_name"], PolicyClass(rawValue: name) == nil else { return }
    throw .unknownClass(
      name: name,
      known: PolicyClass.names(in: .mezzo) + [DTypePolicyMap.className, "a layer whose config has a dtype"])
  }

  /// The policy in the configuration of a layer of Keras, bare or with its class around it.
  private static func layerDType(_ value: ConfigurationValue) -> ConfigurationValue? {
    guard case .string(let className)? = value["class_name"] else { return value["dtype"] }
    return PolicyClass(rawValue: className) == nil ? value["config"]?["dtype"] : nil
  }

  private init(versioned value: ConfigurationValue) throws(PolicyError) {
    guard case .object(let members) = value else {
      throw .configuration(place: "", expected: "an object", found: value.kind)
    }
    switch members[Self.versionKey] {
    case .integer(Self.version): break
    case .integer(let later) where later > Self.version: throw .schemaVersion(found: later, readable: Self.version)
    case let other:
      throw .configuration(
        place: Self.versionKey, expected: "the schema version \(Self.version)", found: (other ?? .null).summary)
    }
    let known: Set = [Self.versionKey, "policy", "map"]
    if let unknown = members.keys.filter({ !known.contains($0) }).min() {
      throw .configuration(
        place: "", expected: "the keys \(known.sorted().joined(separator: ", "))", found: "the key \"\(unknown)\"")
    }
    self.init()
    if let policy = members["policy"] { self.policy = try DTypePolicy.deserialize(policy) }
    if let map = members["map"] { self.map = try DTypePolicyMap(configuration: map) }
  }

  /// What ``init(configuration:)`` reads.
  public var configuration: ConfigurationValue {
    var members: [String: ConfigurationValue] = [Self.versionKey: .integer(Self.version)]
    if let policy { members["policy"] = policy.serialized() }
    if let map { members["map"] = map.configuration }
    return .object(members)
  }

  /// How deep brackets lie in each other, outside of strings. Looked at first, because decoding recurses.
  private static func nesting(of json: some Collection<UInt8>) -> Int {
    var (depth, deepest) = (0, 0)
    var (isInString, isEscaped) = (false, false)
    for byte in json {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        depth += 1
        deepest = max(deepest, depth)
      case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
      default: break
      }
    }
    return deepest
  }
}
