import MezzoPolicy

/// Which policy an argument stands for that may be a policy, a dtype, a name, a configuration or nothing.
enum PolicyGetGroup: GoldenGroup {
  static let names = ["policy.get"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    switch try GoldenArgument(try testCase.input.member("arg"), dialect: dialect) {
    case .python: return .skipped(.pythonType)
    case .identifier(let identifier): return .ok(try DTypePolicy.get(identifier).described(in: dialect))
    }
  }

  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] {
    [testCase.input["arg"]?["value"] ?? .null]
  }

  static let differences =
    IdentifierDifferences.all(of: "arg") + [
      PolicyDeserializeGroup.difference { testCase in
        testCase.input["arg"]?["kind"] == "dict" ? testCase.input["arg"]?["value"] : nil
      }
    ]
}
