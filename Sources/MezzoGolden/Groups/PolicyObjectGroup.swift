import MezzoPolicy

/// Policies as values: equality, hashes, configurations there and back.
enum PolicyObjectGroup: GoldenGroup {
  static let names = ["policy.object"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    // The compiler refuses to assign to a property of a policy.
    if testCase.input["assign"] != nil { return .skipped(.pythonFacility) }
    let dialect = PolicyEnvironment.current.dialect
    func policy(_ key: String) throws -> DTypePolicy {
      try DTypePolicy(try testCase.input.string(key), dialect: dialect)
    }
    if testCase.input["a"] != nil { return .ok(["equal": .bool(try policy("a") == policy("b"))]) }
    let (policy, same) = (try policy("name"), try policy("name"))
    let roundTrip = try DTypePolicy(configuration: policy.configuration, dialect: dialect)
    return .ok([
      "config": policy.configuration, "equal_self": .bool(policy == policy), "equal_same_name": .bool(policy == same),
      "equal_string": .bool(AnyHashable(policy) == AnyHashable(policy.name)),
      "equal_roundtrip": .bool(roundTrip == policy), "roundtrip_name": .string(roundTrip.name),
      "hashable": .ok(.bool(Set([policy, same, roundTrip]).contains(policy))),
    ])
  }

  static let differences = [
    DesignDifference(
      "Policies are equal by value", systems: ["tf24", "tfkeras"],
      cases: "comparisons of policies of one name, which in TensorFlow are equal only if they are one object",
      behaviour: "Policies of the same name and dtypes are equal.",
      reason:
        "A policy has nothing but its value, and a configuration that was written and read means the same policy.",
      theirs: { testCase in
        if testCase.input["a"] != nil { return .ok(["equal": false]) }
        return restated(testCase, ["equal_same_name": false, "equal_roundtrip": false])
      }
    ) { testCase in
      if let a = testCase.input["a"] { return .ok(["equal": .bool(a == testCase.input["b"])]) }
      return restated(testCase, ["equal_same_name": true, "equal_roundtrip": true])
    },
    DesignDifference(
      "Policies are hashable", systems: ["keras3"],
      cases: "hashes of policies, which Keras 3 has none of",
      behaviour: "Policies can be members of sets and keys of dictionaries.",
      reason: "They are values, and values that can be compared can be hashed.",
      theirs: { testCase in
        testCase.expect["ok"]?["hashable"]?["error"]?["type"] == "TypeError" ? testCase.expect : nil
      }
    ) { restated($0, ["hashable": .ok(true)]) },
    IdentifierDifferences.references { testCase, policy in
      let name = ConfigurationValue.string(policy.name)
      return restated(
        testCase, ["config": ["name": name], "roundtrip_name": name, "equal_self": true, "equal_string": false])
    } refusal: { testCase in
      testCase.input["name"]?.asString.map { ($0, .valueError) }
    },
  ]

  /// The expectation with other values for some members, if the policy is one.
  private static func restated(
    _ testCase: GoldenCase, _ members: [String: ConfigurationValue]
  ) -> ConfigurationValue? {
    testCase.expect["ok"]?.asObject.map { .ok(.object($0.merging(members) { $1 })) }
  }
}
