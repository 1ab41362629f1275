import MezzoPolicy

/// What is read from the configuration of a policy, and what a policy is written as.
enum PolicyConfigurationGroup: GoldenGroup {
  static let names = ["policy.from_config", "policy.serialize"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    if testCase.group == "policy.from_config" {
      let configuration = try testCase.input.member("config")
      return .ok(try DTypePolicy(configuration: configuration, dialect: dialect).described(in: dialect))
    }
    let serialized = try DTypePolicy(try testCase.input.string("name"), dialect: dialect).serialized(in: dialect)
    return .ok([
      "serialized": serialized,
      "deserialized": try testCase.outcome {
        try DTypePolicy.deserialize(serialized, dialect: dialect).described(in: dialect)
      },
    ])
  }

  static let differences = [
    IdentifierDifferences.references { testCase, policy in
      let described = policy.described(in: testCase.system)
      guard testCase.group == "policy.serialize" else { return described }
      // A policy of one dtype is written as its name.
      return .ok(["serialized": .string(policy.name), "deserialized": described])
    } refusal: { testCase in
      let name = testCase.input["config"]?["name"] ?? testCase.input["name"]
      return name?.asString.map { ($0, .valueError) }
    }
  ]
}
