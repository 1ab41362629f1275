import MezzoLayers
import MezzoPolicy

/// What a layer makes of its `dtype=` argument.
enum LayerDTypeGroup: GoldenGroup {
  static let names = ["layer.dtype_arg"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    try setGlobalPolicy(try testCase.input.string("global"))
    switch try GoldenArgument(try testCase.input.member("dtype"), dialect: dialect) {
    case .python: return .skipped(.pythonType)
    case .identifier(let identifier):
      let policy = Dense(1, policy: try .get(identifier)).policy
      return .ok([
        "policy": .string(policy.name), "compute_dtype": .name(policy.computeDType?.name),
        "variable_dtype": .name(policy.variableDType?.name), "dtype": .name(policy.variableDType?.name),
        "config_dtype": policy.serialized(in: dialect),
      ])
    }
  }

  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] {
    [testCase.input["dtype"]?["value"] ?? .null]
  }

  static let differences = [
    DesignDifference(
      "Numbers are no dtypes", systems: ["tf24", "tfkeras"],
      cases: "a number or True for the dtype, which TensorFlow takes for the number of a dtype in its list",
      behaviour: "An error that says what was given.",
      reason: "Nobody who writes dtype=5 means int16."
    ) { testCase in
      guard let argument = testCase.input["dtype"], ["int", "float", "bool"].contains(argument["kind"]?.asString),
        !isFalse(argument)
      else { return nil }
      return .error(.valueError, naming: [argument["value"]?.compact ?? ""])
    },
    DesignDifference(
      "What Python takes for false is no policy", systems: ["tf24", "tfkeras"],
      cases: "an empty string, 0, False or an empty list for the dtype, which TensorFlow takes for none given",
      behaviour: "An error that says what was given. The global policy is what a layer has that is given nothing.",
      reason: "An empty name comes from a mistake elsewhere, and would go on unseen."
    ) { testCase in
      guard let argument = testCase.input["dtype"], isFalse(argument) else { return nil }
      let isName = argument["kind"] == "str"
      return .error(isName ? .typeError : .valueError, naming: isName ? ["\"\""] : [])
    },
    DesignDifference(
      "References are no dtypes", systems: ["tf24", "tfkeras"],
      cases: "names that end in _ref, TensorFlow 1's dtypes of references to variables",
      behaviour: "An error that says what was given.",
      reason: "Nothing in Mezzo is a reference, and no program names one."
    ) { testCase in
      guard let name = testCase.input["dtype"]?["value"]?.asString, name.hasSuffix("_ref") else { return nil }
      return .error(.typeError, naming: [name])
    },
  ]

  private static func isFalse(_ argument: ConfigurationValue) -> Bool {
    switch argument["value"] ?? .null {
    case .string(""), 0, .number(0), false, .array([]): argument["kind"] != "dict"
    case .null: argument["kind"] == "list"
    default: false
    }
  }
}
