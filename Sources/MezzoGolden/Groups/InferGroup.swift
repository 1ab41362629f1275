import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// The policy `_infer`: which input or weight decides it, and what is cast by it.
enum InferGroup: GoldenGroup {
  static let names = [
    "infer.add_weight_first", "infer.add_weight_floatx", "infer.explicit_policy", "infer.first_call",
    "infer.global_policy", "infer.nested", "infer.second_call", "infer.set_global",
  ]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    switch testCase.group {
    case "infer.global_policy": return .ok(globalPolicyDescription())
    case "infer.set_global":
      PolicyEnvironment.current.usesV2DTypeBehavior = false
      try setGlobalPolicy(try testCase.input.string("set"))
      return .ok(nil)
    case "infer.add_weight_first": return .ok(try weightFirst(testCase))
    case "infer.add_weight_floatx": return .ok(try weightOfFloatx(testCase))
    case "infer.explicit_policy": return .ok(try explicitPolicy(testCase))
    case "infer.first_call": return .ok(try firstCall(testCase))
    case "infer.second_call": return .ok(try secondCall(testCase))
    default: return try nested(testCase)
    }
  }

  private static func globalPolicyDescription() -> ConfigurationValue {
    let policy = globalPolicy()
    return [
      "name": .string(policy.name), "compute_dtype": .name(policy.computeDType?.name),
      "variable_dtype": .name(policy.variableDType?.name), "config": policy.configuration,
      "repr": .string(policy.description(in: PolicyEnvironment.current.dialect)),
    ]
  }

  private static func weightFirst(_ testCase: GoldenCase) throws -> ConfigurationValue {
    let mode = try InferMode(entering: testCase)
    let dtype = try testCase.input.member("dtype").asString.map { name throws(GoldenFormError) in
      try DType(golden: name)
    }
    let layer = InferProbe(policy: mode.policy ?? globalPolicy(), weight: .beforeInput(dtype))
    let model = Model(layer)
    let output = try model.dtype(ofCallWith: .float16)
    return [
      "policy_after_add_weight": layer.policyAfterWeight.withLock { $0?.triple } ?? nil,
      "policy_after_call": model.policyNow.triple, "output": .string(output.name),
      "variable": .name(try model.variables["v"]?.dtype.name),
    ]
  }

  private static func weightOfFloatx(_ testCase: GoldenCase) throws -> ConfigurationValue {
    let mode = try InferMode(entering: testCase)
    let layer = InferProbe(policy: mode.policy ?? globalPolicy(), weight: .beforeInput(nil))
    // After the layer was made: what counts is floatx when the weight is.
    try setFloatx(try testCase.input.string("floatx"))
    let model = Model(layer)
    try model.build(input: TensorType(.float32, []))
    return ["policy": model.policyNow.triple, "variable": .name(try model.variables["v"]?.dtype.name)]
  }

  private static func explicitPolicy(_ testCase: GoldenCase) throws -> ConfigurationValue {
    _ = try InferMode(entering: testCase)
    let model = Model(InferProbe(policy: try .get(.name(try testCase.input.string("dtype")))))
    let before = model.policyNow
    let output = try model.dtype(ofCallWith: try DType(golden: try testCase.input.string("input")))
    return ["before": before.triple, "after": model.policyNow.triple, "output": .string(output.name)]
  }

  private static func firstCall(_ testCase: GoldenCase) throws -> ConfigurationValue {
    let mode = try InferMode(entering: testCase)
    let dialect = PolicyEnvironment.current.dialect
    let hasWeight = try testCase.input.string("layer") == "vars"
    let model = Model(InferProbe(policy: mode.policy ?? globalPolicy(), weight: hasWeight ? .afterInput : nil))
    let before = model.policyNow
    let output = try model.dtype(ofCallWith: try DType(golden: try testCase.input.string("input")))
    return [
      "before": before.triple, "config_before": before.serialized(in: dialect), "after": model.policyNow.triple,
      "config_after": model.policyNow.serialized(in: dialect), "output": .string(output.name),
    ]
  }

  private static func secondCall(_ testCase: GoldenCase) throws -> ConfigurationValue {
    let mode = try InferMode(entering: testCase)
    let model = Model(InferProbe(policy: mode.policy ?? globalPolicy()))
    _ = try model.dtype(ofCallWith: try DType(golden: try testCase.input.string("first")))
    let output = try model.dtype(ofCallWith: try DType(golden: try testCase.input.string("second")))
    return ["policy": model.policyNow.triple, "second_output": .string(output.name)]
  }

  /// Structures of two tensors: a float64 and a float16, or integers in place of the first.
  private static func nested(_ testCase: GoldenCase) throws -> GoldenAnswer {
    func zero(_ dtype: DType) throws -> Tree<Tensor> { .tensor(try Tensor(zeros: TensorType(dtype, [2, 3]))) }
    let inputs: Tree<Tensor>
    switch try testCase.input.string("inputs") {
    case "list", "tuple": inputs = .array([try zero(.float64), try zero(.float16)])
    case "int_first": inputs = .array([try zero(.int32), try zero(.float16)])
    case "dict": inputs = .dictionary(["b": try zero(.float16), "a": try zero(.float64)])
    case let other: return .unsupported("a structure '\(other)'")
    }
    let mode = try InferMode(entering: testCase)
    let model = Model(InferProbe(policy: mode.policy ?? globalPolicy()))
    let seen = try model(Arguments(inputs))
    return .ok(["policy": model.policyNow.triple, "seen": describe(seen)])
  }

  private static func describe(_ tree: Tree<Tensor>) -> ConfigurationValue {
    switch tree {
    case .tensor(let tensor): .string(tensor.dtype.name)
    case .array(let elements): .array(elements.map(describe))
    case .dictionary(let members): ["dict": .object(members.mapValues(describe))]
    case .none: nil
    }
  }

  static let differences = [
    DesignDifference(
      "Complex numbers are names alone", systems: ["tf24", "tf24v1", "tfkeras"], cases: "inputs of complex numbers",
      behaviour: "A policy may name them, and nothing computes in them: the call is an error that names the dtype.",
      reason: "No layer of Mezzo has a use for them."
    ) { testCase in
      let dtypes = ["input", "first", "second"].compactMap { testCase.input[$0]?.asString }
      return dtypes.first { $0.hasPrefix("complex") }.map { .error(.valueError, naming: [$0]) }
    }
  ]
}
