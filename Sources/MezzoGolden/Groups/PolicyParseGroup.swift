import MezzoPolicy

/// What the constructor of a policy makes of its argument.
enum PolicyParseGroup: GoldenGroup {
  static let names = ["policy.parse"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    switch try GoldenArgument(try testCase.input.member("arg"), dialect: dialect) {
    case .identifier(.name(let name)): return .ok(try DTypePolicy(name, dialect: dialect).described(in: dialect))
    // Whatever is no string; that a dtype makes a policy too is another initialiser.
    case .identifier, .python: return .skipped(.pythonType)
    }
  }

  static let differences = [
    IdentifierDifferences.references { testCase, policy in
      policy.described(in: testCase.system)
    } refusal: { testCase in
      testCase.input["arg"]?["value"]?.asString.map { ($0, .valueError) }
    }
  ]
}
