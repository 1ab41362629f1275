import MezzoPolicy

/// Policies that bring a loss scale: how they are made and written, and what training with one does.
enum PolicyV1Group: GoldenGroup {
  static let names = ["policyv1"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let dialect = testCase.dialect ?? .mezzo
    let name = try testCase.input.string("name")
    let identifier = try testCase.input.member("loss_scale")
    // Whether the policy was only made or a model was compiled under it shows in the expectation alone.
    let isUse = testCase.expect["ok"]?["wrapped"] != nil
    return .outcome(
      try testCase.outcome {
        let policy = try Experimental.Policy(
          name, lossScale: try Experimental.LossScaleIdentifier(identifier), dialect: dialect)
        return isUse ? try use(policy, dialect) : describe(policy)
      })
  }

  private static func describe(_ policy: Experimental.Policy) -> ConfigurationValue {
    [
      "compute": .name(policy.dtypePolicy.computeDType?.name),
      "variable": .name(policy.dtypePolicy.variableDType?.name),
      "config": policy.configuration,
      "loss_scale": .name(policy.declaredLossScale?.className),
      "repr": .string(policy.description),
    ]
  }

  private static func use(_ policy: Experimental.Policy, _ dialect: PolicyDialect) throws -> ConfigurationValue {
    let read = try DTypePolicy.deserialize(policy.serialized, dialect: dialect)
    var members: [String: ConfigurationValue] = [
      "serialized": policy.serialized,
      "deserialized": .string(read.description(in: dialect)),
      "wrapped": .bool(policy.lossScale != nil),
    ]
    if let scale = policy.lossScale {
      members["dynamic"] = .bool(scale.isDynamic)
      members["scale"] = .number(Double(scale.value))
    }
    return .object(members)
  }
}
