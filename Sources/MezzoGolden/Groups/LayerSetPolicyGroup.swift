import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// What becomes of a layer that is given another policy.
enum LayerSetPolicyGroup: GoldenGroup {
  static let names = ["layer.set_policy"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let from = try DTypePolicy(try testCase.input.string("from"))
    let to = try DTypePolicy(try testCase.input.string("to"))
    if let quantization = to.quantization, quantization.method != .int8 {
      return .unsupported("layers that are quantized to \(quantization.mode)")
    }
    let isBuilt = testCase.input["built"]?.asBool ?? false
    // A layer is a value: until it has variables, one with another policy is another layer.
    let model = Model(Dense(1, policy: isBuilt ? from : to))
    let sample = try Tensor(zeros: TensorType(.float32, [1, 2]))
    if isBuilt {
      try model.build(input: sample.type)
      try model.repolicy(to, storage: .keep)
    }
    let output = try model(sample)
    guard let policy = try model.layers.first?.policy, let kernel = try model.variables["kernel"] else {
      throw GoldenFormError(expected: "a layer with a kernel", found: "none")
    }
    return .ok([
      "policy": .string(policy.name), "compute": .name(policy.computeDType?.name),
      "variable_property": .name(policy.variableDType?.name), "kernel_dtype": .string(kernel.dtype.name),
      "output": .string(output.dtype.name),
    ])
  }

  static let differences = [
    DesignDifference(
      "A policy says what is stored", systems: ["keras3"],
      cases: "a layer with variables that is given a policy of another variable dtype",
      behaviour: "The variables stay, and the layer's policy has their dtype; the output is in the new compute dtype.",
      reason:
        "Else the policy would say of the layer what is not so, and what is read would not be what is computed in.",
      theirs: { testCase in
        guard let from = testCase.input["from"]?.asString.map(StatedPolicy.init),
          let to = testCase.input["to"]?.asString.map(StatedPolicy.init)
        else { return nil }
        // A kernel is cast by mixed policies alone; else the output is in the dtype in which it and the inputs meet.
        let isMixed = to.compute != to.variable
        let output = isMixed ? to.compute : StatedPolicy.promoted(to.compute, from.variable)
        return .ok([
          "policy": .string(to.name), "compute": .name(to.compute), "variable_property": .name(to.variable),
          "kernel_dtype": .name(from.variable), "output": .name(output),
        ])
      }
    ) { testCase in
      guard testCase.input["built"] == true,
        let from = testCase.input["from"]?.asString.flatMap({ try? DTypePolicy($0) }),
        let to = testCase.input["to"]?.asString.flatMap({ try? DTypePolicy($0) }),
        let stores = from.variableDType, let computes = to.computeDType, stores != to.variableDType,
        let mixed = try? DTypePolicy(parameters: stores, compute: computes)
      else { return nil }
      let (compute, variable): (ConfigurationValue, ConfigurationValue) = (.string(computes.name), .string(stores.name))
      let named = [DTypePolicy.mixedFloat16, .mixedBFloat16].first {
        $0.computeDType == computes && $0.variableDType == stores
      }
      return .ok([
        "policy": .string((named ?? mixed).name), "compute": compute, "variable_property": variable,
        "kernel_dtype": variable,
        "output": compute,
      ])
    }
  ]
}
