import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Policies by path.
enum PolicyMapGroup: GoldenGroup {
  static let names = ["policy.map"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let input = testCase.input
    if let name = input["global"]?.asString { try setGlobalPolicy(name) }
    if let name = input["case"]?.asString {
      guard let outcome = try mistake(name) else { return .unsupported("the map of the case \(name)") }
      return .ok(outcome)
    }
    if input["layer"] != nil { return .ok(try layer(input)) }
    guard let value = input["map"] else { return .ok(try roundTrip()) }
    guard let map = try map(value) else { return .skipped(.pythonType) }
    if let query = input["query"]?.asString { return .ok(.string(try map.policy(forPath: query).name)) }
    if value["default"] == nil { return .ok(try described(map)) }
    return .ok(.array(map.keys.map { .array([.string($0), .name(map[$0]?.name)]) }))
  }

  /// The path that a case looks up, and the entries of its map.
  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] {
    let entries = testCase.input["map"]?["entries"]?.asArray ?? []
    return [testCase.input["query"] ?? .null] + entries
  }

  // MARK: - Maps

  /// Nil where a key is not a string.
  private static func map(_ value: ConfigurationValue) throws -> DTypePolicyMap? {
    var map = DTypePolicyMap(default: try value["default"]?.asString.map { try .get(.name($0)) } ?? globalPolicy())
    for (key, policy) in try value.array("entries").map(entry) {
      guard let key = key.asString else { return nil }
      try map.insert(identifier(policy), for: key)
    }
    return map
  }

  private static func identifier(_ value: ConfigurationValue) -> PolicyIdentifier {
    switch value {
    case .null: .none
    case .string(let name): .name(name)
    default: .configuration(value)
    }
  }

  private static func entry(
    _ value: ConfigurationValue
  ) throws(GoldenFormError) -> (ConfigurationValue, ConfigurationValue) {
    guard let parts = value.asArray, parts.count == 2 else {
      throw GoldenFormError(expected: "an entry such as [\"head\", \"float16\"]", found: value.compact)
    }
    return (parts[0], parts[1])
  }

  private static func described(_ map: DTypePolicyMap) throws -> ConfigurationValue {
    let (x, other) = (try map.policy(forPath: "x"), try map.policy(forPath: "other"))
    return [
      "name": .string(map.name), "repr": .string(map.description), "len": .integer(map.count),
      "contains_x": .bool(map["x"] != nil), "contains_y": .bool(map["y"] != nil), "x": .string(x.name),
      "other": .string(other.name), "default": .string(map.defaultPolicy.name),
      "compute": .name(map.defaultPolicy.computeDType?.name),
      "variable": .name(map.defaultPolicy.variableDType?.name), "config": map.configuration,
      "x_name_after_get_config": .name(map["x"]?.name),
    ]
  }

  /// A map that is written and read.
  private static func roundTrip() throws -> ConfigurationValue {
    let written = try DTypePolicyMap(default: .float16, ["x": .bfloat16]).configuration
    let map = try DTypePolicyMap(configuration: written, dialect: PolicyEnvironment.current.dialect)
    return [
      "config": written, "default": .string(map.defaultPolicy.name), "x": .string(try map.policy(forPath: "x").name),
      "missing": .string(try map.policy(forPath: "missing").name),
    ]
  }

  /// What cannot be a map, as files may have it; nil for a mistake that is not known.
  private static func mistake(_ name: String) throws -> ConfigurationValue? {
    let dialect = PolicyEnvironment.current.dialect
    switch name {
    case "default_is_map":
      let inner: ConfigurationValue = ["class_name": "DTypePolicyMap", "config": DTypePolicyMap().configuration]
      _ = try DTypePolicyMap(configuration: ["default_policy": inner], dialect: dialect)
    case "policy_map_not_dict": _ = try DTypePolicyMap(configuration: ["policy_map": .array([1])], dialect: dialect)
    case "del_missing":
      var map = DTypePolicyMap()
      try map.remove("zz")
    default: return nil
    }
    return .null
  }

  // MARK: - Layers

  /// A `Dense(name=d1)` that follows a map, and is called with a float32 input.
  private static func layer(_ input: ConfigurationValue) throws -> ConfigurationValue {
    let name = try layerName(input)
    let (key, policy) = try entry(try input.member("entry"))
    guard let key = key.asString else { throw GoldenFormError(expected: "a path", found: key.compact) }
    var map = DTypePolicyMap()
    try map.insert(identifier(policy), for: key)
    let before = try map.policy(forPath: name)
    let model = Model(policyMap: map) { Dense(2, name: name) }
    let output = try model(Tensor(zeros: TensorType(.float32, [1, 3])))
    let record = try model.layers.first { $0.path == name }
    return [
      "path": .name(record?.path), "compute": .name(record?.policy.computeDType?.name),
      "variable": .name(record?.policy.variableDType?.name), "path_before_build": .string(name),
      "compute_before_build": .name(before.computeDType?.name), "out": .string(output.dtype.name),
    ]
  }

  private static func layerName(_ input: ConfigurationValue) throws(GoldenFormError) -> String {
    let text = try input.string("layer")
    guard let match = text.wholeMatch(of: /Dense\(name=(\w+)\)/) else {
      throw GoldenFormError(expected: "a layer such as Dense(name=d1)", found: text)
    }
    return String(match.1)
  }

  // MARK: - Differences

  static let differences = [
    DesignDifference(
      "Maps write what they mean", systems: ["keras3"],
      cases:
        "configurations of maps, in which Keras 3 writes the default as it was given, and null for all if it was not",
      behaviour: """
        The default is resolved when the map is made and written like the entries; writing changes nothing. A map \
        prints without an address.
        """,
      reason: "In Keras 3 a configuration that was read takes names out of the policies of the map itself.",
      theirs: writtenByKeras3
    ) { testCase in
      guard var members = testCase.expect["ok"]?.asObject, let name = members["default"]?.asString,
        let x = members["x"]?.asString, members["config"] != nil
      else { return nil }
      members["config"] = ["default_policy": serialized(name), "policy_map": ["x": serialized(x)]]
      if members["repr"] != nil {
        members["repr"] = .string("<DTypePolicyMap default_policy=\(name), mapping=[('x', '\(x)')]>")
        members["x_name_after_get_config"] = .string(x)
      }
      return .ok(.object(members))
    },
    DesignDifference(
      "Paths are known before the first call", systems: ["keras3"],
      cases: "layers that follow a map, whose path Keras 3 knows only after the first call has cast its inputs",
      behaviour: "A layer's path is known when its model is made, and the first call is like every other.",
      reason: "In Keras 3 the output of the first call may have another dtype than that of the second.",
      theirs: { testCase in
        // Before the call there is no path, so that the default's policy holds, which casts the input.
        let global = StatedPolicy(testCase.input["global"]?.asString ?? "float32")
        return testCase.expect.replacing("ok") { answer in
          let output = StatedPolicy.promoted(global.compute, answer["compute"]?.asString)
          return answer.replacing("path_before_build") { _ in .null }
            .replacing("compute_before_build") { _ in .name(global.compute) }
            .replacing("out") { _ in .name(output) }
        }
      }
    ) { testCase in
      guard testCase.input["layer"] != nil, var members = testCase.expect["ok"]?.asObject else { return nil }
      members["path_before_build"] = members["path"]
      members["compute_before_build"] = members["compute"]
      members["out"] = members["compute"]
      return .ok(.object(members))
    },
    DesignDifference(
      "A map refuses bad patterns", systems: ["keras3"],
      cases: "keys that are no regular expressions, which Keras 3 finds out when a path is looked up",
      behaviour: "An error that names the key, when the entry is added.",
      reason: "The mistake is in the key, and not in the layer that is looked up first.",
      theirs: { testCase in
        // Where nothing is looked up, nothing is found out.
        testCase.expect["error"] != nil ? testCase.expect : testCase.input["map"]?["entries"].map { .ok($0) }
      }
    ) { testCase in
      let keys = (testCase.input["map"]?["entries"]?.asArray ?? []).compactMap { $0.asArray?.first?.asString }
      return keys.first { (try? Regex($0)) == nil }.map { .error(.valueError, naming: [$0]) }
    },
  ]

  /// The default as it was given; the policies of the entries, whose names are gone once they were written.
  private static let writtenByKeras3: @Sendable (GoldenCase) -> ConfigurationValue? = { testCase in
    guard let members = testCase.expect["ok"]?.asObject, let config = members["config"],
      let name = members["default"]?.asString, let x = members["x"]?.asString
    else { return nil }
    let isGiven = testCase.input["map"].map { $0["default"] != nil } ?? true
    let defaults = isGiven ? [.string(name), serialized(name)] : [ConfigurationValue.null]
    let entries = isGiven ? [serialized(x)] : [serialized(nil), serialized(x)]
    let (givenDefault, givenEntry) = (config["default_policy"] ?? .null, config["policy_map"]?["x"] ?? .null)
    var theirs = members
    theirs["config"] = [
      "default_policy": defaults.contains(givenDefault) ? givenDefault : defaults[0],
      "policy_map": ["x": entries.contains(givenEntry) ? givenEntry : entries[0]],
    ]
    if let text = members["repr"]?.asString {
      let content = "default_policy=\(name), mapping=[('x', '\(x)')]>"
      theirs["repr"] =
        text.hasPrefix("<DTypePolicyMap at ") && text.hasSuffix(content) ? .string(text) : .string(content)
      if members["x_name_after_get_config"] != .string(x) { theirs["x_name_after_get_config"] = .null }
    }
    return .ok(.object(theirs))
  }

  private static func serialized(_ name: String?) -> ConfigurationValue {
    ["module": "keras", "class_name": "DTypePolicy", "config": ["name": .name(name)], "registered_name": nil]
  }
}
