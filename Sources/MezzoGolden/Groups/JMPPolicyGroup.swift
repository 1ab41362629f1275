import MezzoPolicy

/// The policy strings of jmp.
enum JMPPolicyGroup: GoldenGroup {
  static let names = ["jmp.policy"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let policy = try DTypePolicy(try testCase.input.string("string"), dialect: .jmp)
    return .ok([
      "param": .name(policy.variableDType?.name), "compute": .name(policy.computeDType?.name),
      "output": .name(policy.outputDType?.name), "str": .string(policy.description(in: .jmp)),
    ])
  }
}
