import MezzoPolicy

/// What the constructor of a policy makes of its argument.
enum PolicyParseGroup: GoldenGroup {
  static let names = ["policy.parse"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = PolicyEnvironment.current.dialect
    switch try GoldenArgument(try testCase.input.member("arg"), dialect: dialect) {
    case .identifier(.name(let name)): return .ok(try DTypePolicy(name, dialect: dialect).described(in: dialect))
    case .identifier(.dtype(let dtype)): return .ok(DTypePolicy(dtype).described(in: dialect))
    case .identifier, .python: return .skipped(.pythonType)
    }
  }

  static let differences = [
    DesignDifference(
      "A dtype makes a policy", systems: ["tf24", "tfkeras", "keras3"],
      cases: "a dtype where the constructor of a policy takes a name, which Keras refuses",
      behaviour: "The policy that computes and stores in that dtype.",
      reason: "There is one thing that it can mean, and the compiler tells a dtype from a name."
    ) { testCase in
      guard let argument = testCase.input["arg"], argument["kind"] == "dtype", let name = argument["value"]?.asString
      else { return nil }
      return StatedPolicy(name).described(in: testCase.system)
    },
    IdentifierDifferences.references { testCase in
      testCase.input["arg"]?["value"]?.asString.map { ($0, .valueError) }
    },
  ]
}
