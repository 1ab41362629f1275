import MezzoPolicy

/// Names and classes of quantised policies.
enum PolicyQuantizedGroup: GoldenGroup {
  static let names = ["policy.quantized"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    let input = testCase.input
    if let name = input["global"]?.asString { try setGlobalPolicy(name) }
    if input["a"] != nil {
      let (a, b) = (try input.string("a"), try input.string("b"))
      return .ok(["equal": .bool(try DTypePolicy.get(.name(a)) == .get(.name(b)))])
    }
    if input["class"] != nil {
      return .ok(described(try .deserialize(try serialized(input), dialect: dialect), dialect))
    }
    let name = try input.string("name")
    if input["via"] == "set_dtype_policy" {
      try setGlobalPolicy(name)
      return .ok(described(globalPolicy(), dialect))
    }
    return .ok(described(try .get(.name(name)), dialect))
  }

  /// The arguments of a class's constructor are its configuration.
  private static func serialized(_ input: ConfigurationValue) throws(GoldenFormError) -> ConfigurationValue {
    let arguments = zip(["mode", "source_name", "amax_history_length"], try input.array("args"))
    let members = try input.object("kwargs").merging(arguments) { $1 }
    return ["class_name": .string(try input.string("class")), "config": .object(members)]
  }

  private static func described(_ policy: DTypePolicy, _ dialect: PolicyDialect) -> ConfigurationValue {
    var members = policy.described(in: dialect).asObject ?? [:]
    let quantization = policy.quantization
    members["class"] = .string(policy.className)
    members["quantization_mode"] = .name(quantization?.method.rawValue)
    let sizeName = quantization?.method == .int4 ? "block_size" : "group_size"
    members[sizeName] = quantization?.blockSize.map { .integer($0) }
    members["weight_bits"] = quantization?.weightBits.map { .integer($0) }
    members["amax_history_length"] = quantization?.amaxHistoryLength.map { .integer($0) }
    return .object(members)
  }
}
