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

  static let differences = IdentifierDifferences.all(of: "dtype")
}
