import MezzoPolicy

/// What is read from a serialised policy.
enum PolicyDeserializeGroup: GoldenGroup {
  static let names = ["policy.deserialize"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    let serialized = try testCase.input.member("config")
    return .ok(try DTypePolicy.deserialize(serialized, dialect: dialect).described(in: dialect))
  }

  static let differences = [
    difference { $0.input["config"] },
    IdentifierDifferences.references { testCase, policy in
      policy.described(in: testCase.system)
    } refusal: { testCase in
      let name = testCase.input["config"]?["config"]?["name"] ?? testCase.input["config"]
      return name?.asString.map { ($0, .valueError) }
    },
  ]

  /// - Parameter serialized: what a case would have deserialised.
  static func difference(
    _ serialized: @escaping @Sendable (GoldenCase) -> ConfigurationValue?
  ) -> DesignDifference {
    DesignDifference(
      "Deserialising gives a policy or an error", systems: ["tfkeras", "keras3"],
      cases: "what these systems return as it is: strings and classes that they do not know, in Keras 3 every string",
      behaviour: """
        The name of a policy of Keras 3 is read as one, and nothing at all as the global policy. What is not known is an \
        error that names it.
        """,
      reason: "A string where a policy should be fails later, at a place that has nothing to do with it."
    ) { testCase in
      guard testCase.expect["ok"]?["not_a_policy"] != nil, let serialized = serialized(testCase) else { return nil }
      switch serialized {
      case .string(let name) where testCase.system == "keras3" && keras3Names.contains(name):
        return StatedPolicy(name).described(in: testCase.system)
      case .string(let name): return .error(.valueError, naming: [name])
      case .null: return StatedPolicy("float32").described(in: testCase.system)
      case .object: return .error(.valueError, naming: [serialized["class_name"]?.asString ?? ""])
      case .bool, .integer, .number: return .error(.valueError, naming: [serialized.compact])
      case .array: return .error(.valueError, naming: [])
      }
    }
  }

  private static let keras3Names: Set = [
    "bool", "int", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float8_e4m3fn",
    "float8_e5m2", "float16", "bfloat16", "float32", "float64", "complex64", "complex128", "string", "mixed_float16",
    "mixed_bfloat16",
  ]
}
