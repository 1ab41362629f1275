import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// Which dtypes every layer computes, stores and gives under every policy, for inputs of every dtype.
enum LayerDTypesGroup: GoldenGroup {
  static let names = ["layer.dtypes"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let name = try testCase.input.string("layer")
    let policy = try DTypePolicy(try testCase.input.string("policy"))
    guard let asked = GoldenLayer(named: name, policy) else { return .unsupported("the layer \(name)") }
    var weights: ConfigurationValue = .object([:])
    var outcomes: [String: ConfigurationValue] = [:]
    for key in try testCase.expect.object("output_dtype_by_input").keys {
      let dtypes = try key.split(separator: "+").map { try DType(golden: String($0)) }
      outcomes[key] = try testCase.outcome {
        let call = try call(asked, dtypes)
        weights = Self.weights(call, asked.layer, testCase.dialect)
        return .array(call.outputs.leaves.map { .name($0?.dtype.name) })
      }
    }
    var answer: [String: ConfigurationValue] = [
      "autocast": .bool(asked.layer.autocast), "compute_dtype": .name(policy.computeDType?.name),
      "variable_dtype": .name(policy.variableDType?.name), "output_dtype_by_input": .object(outcomes),
    ]
    // Without a call that went well there, there is nothing to say about weights.
    if testCase.expect["weights"] != nil { answer["weights"] = weights }
    return .outcome(.object(answer))
  }

  /// A call that also has backends for all that is asked of them.
  private static func call(_ asked: GoldenLayer, _ dtypes: [DType]) throws -> TracedCall {
    let types = asked.shapes.enumerated().map { TensorType(dtypes[min($0, dtypes.count - 1)], $1) }
    let mask = asked.isMasked ? ["value_mask": TensorType(.bool, Array(types[1].shape[..<2]))] : [:]
    let call = try TracedCall(
      Model(asked.layer), inputs: asked.arguments(types, named: mask), isTraining: asked.isTraining
    ) { _ in .constant }
    _ = try Runtime.shared.plan(call.graph)
    return call
  }

  private static func weights(_ call: TracedCall, _ layer: any Layer, _ dialect: PolicyDialect?) -> ConfigurationValue {
    var weights: [String: ConfigurationValue] = [:]
    for (name, spec) in zip(call.weightNames(layer, dialect), call.variables) {
      var unique = name
      var number = 1
      while weights[unique] != nil {
        number += 1
        unique = "\(name)_\(number)"
      }
      weights[unique] = .string(spec.type.dtype.name)
    }
    return .object(weights)
  }

  static let differences: [DesignDifference] = [
    LayerDifferences.storedParameters { testCase in
      guard let policy = LayerDifferences.policy(testCase) else { return nil }
      return testCase.expect.replacing("weights") { $0.mapMembers { _, _ in .name(policy.variableDType?.name) } }
    } _: { testCase in
      guard LayerDifferences.isNarrowBatchNormalization(testCase) else { return nil }
      return testCase.expect.replacing("weights") { $0.mapMembers { _, _ in "float32" } }
    },
    LayerDifferences.heads { testCase in
      // The global policy of these cases is that of a fresh process.
      outcomes(testCase) { _, _ in .ok(.array(["float32"])) }
        .replacing("weights") { $0.mapMembers { _, _ in "float32" } }
    } _: { testCase in
      guard testCase.input["layer"] == "MultiHeadAttention", let policy = LayerDifferences.policy(testCase) else {
        return nil
      }
      return outcomes(testCase) { _, _ in .ok(.array([.name(policy.computeDType?.name)])) }
        .replacing("weights") { $0.mapMembers { _, _ in .name(policy.variableDType?.name) } }
    },
    DesignDifference(
      "Normalisations cast their inputs as every layer does", systems: ["keras3"],
      cases: "layer and group normalisation, which have `autocast=False` in Keras 3",
      behaviour:
        "Floating-point inputs come in the compute dtype, as in TensorFlow 2.4; all arithmetic is in at least float32.",
      reason: "One rule for what layers are given; the result is rounded to the same dtype either way.",
      theirs: { testCase in testCase.expect.replacing("autocast") { _ in false } }
    ) { testCase in
      let kind = testCase.input["layer"]?.asString?.split(separator: "_").first
      guard kind == "LayerNormalization" || kind == "GroupNormalization" else { return nil }
      return testCase.expect.replacing("autocast") { _ in true }
    },
    DesignDifference(
      "What is inside a wrapper has the last word", systems: ["keras3"],
      cases: "`TimeDistributed` around a layer with a policy of its own, whose outputs Keras 3 casts back",
      behaviour: "The output is in the wrapped layer's compute dtype, as in TensorFlow 2.4.",
      reason: "A float32 layer inside a mixed model is there for its float32 output.",
      theirs: { testCase in
        // A mixed policy casts outputs back; else they meet what the wrapper itself makes of the inputs.
        guard let policy = testCase.input["policy"]?.asString.map(StatedPolicy.init) else { return nil }
        return outcomes(testCase) { key, _ in
          let isCast = (try? DType(golden: key))?.isFloatingPoint ?? false
          let promoted = isCast ? StatedPolicy.promoted(policy.compute, "float32") : "float32"
          return .ok(.array([.name(policy.compute != policy.variable ? policy.compute : promoted)]))
        }
      }
    ) { testCase in
      guard testCase.input["layer"] == "TimeDistributed_inner_float32" else { return nil }
      return outcomes(testCase) { _, _ in .ok(.array(["float32"])) }
    },
    DesignDifference(
      "Resized images keep their dtype", systems: ["tf24", "tfkeras"],
      cases: "bilinear `UpSampling2D`, which gives float32 under every policy",
      behaviour: "It computes in at least float32 and gives the compute dtype; of integers it gives integers.",
      reason: "As every other layer, and as Keras 3.",
      theirs: { testCase in outcomes(testCase) { _, _ in .ok(.array(["float32"])) } }
    ) { testCase in
      guard testCase.input["layer"] == "UpSampling2D_bilinear", let policy = LayerDifferences.policy(testCase) else {
        return nil
      }
      return outcomes(testCase) { key, _ in .ok(.array([key == "int32" ? "int32" : .name(policy.computeDType?.name)])) }
    },
    DesignDifference(
      "Policies of integers cast nothing", systems: ["tf24", "tfkeras", "keras3"],
      cases: "layers under int32; Keras 3 casts floating-point inputs to it, TensorFlow fails where two differ",
      behaviour:
        "Inputs come as they are; where an operation needs operands of one dtype, the error names those that came.",
      reason: "A cast to integers loses what is behind the point, and nobody asked for it.",
      theirs: { testCase in
        guard let policy = LayerDifferences.policy(testCase) else { return nil }
        return outcomes(testCase) { key, expected in
          let dtypes = key.split(separator: "+").map(String.init)
          if testCase.system == "keras3" {
            let isCast = dtypes.contains { (try? DType(golden: $0))?.isFloatingPoint ?? false }
            return .ok(.array([isCast ? .name(policy.computeDType?.name) : .string(key)]))
          }
          return dtypes.count == 1 ? .ok(.array([.string(key)])) : refusal(expected)
        }
      }
    ) { testCase in
      guard let policy = LayerDifferences.policy(testCase), policy.computeDType?.isFloatingPoint == false else {
        return nil
      }
      return outcomes(testCase) { key, _ in
        let dtypes = key.split(separator: "+").map(String.init)
        return dtypes.count == 1 ? .ok(.array([.string(key)])) : .error(.valueError, naming: dtypes)
      }
    },
    DesignDifference(
      "Masked attention works in every dtype", systems: ["tf24"],
      cases: "attention with a mask under 16-bit policies, where TensorFlow 2.4 subtracts a float32 tensor and fails",
      behaviour: "It gives the compute dtype.", reason: "The mask is applied in float32, whatever the policy.",
      theirs: { testCase in
        LayerDifferences.policy(testCase)?.computeDType == .float32
          ? nil : outcomes(testCase) { _, expected in refusal(expected) }
      }
    ) { testCase in
      guard testCase.input["layer"] == "Attention_masked", let policy = LayerDifferences.policy(testCase) else {
        return nil
      }
      return outcomes(testCase) { _, _ in .ok(.array([.name(policy.computeDType?.name)])) }
    },
  ]

  /// The error that TensorFlow's operations have for operands of two dtypes.
  private static func refusal(_ expected: ConfigurationValue) -> ConfigurationValue {
    let types = ["InvalidArgumentError", "TypeError", "ValueError"]
    return types.contains(expected["error"]?["type"]?.asString ?? "") ? expected : .null
  }

  /// The expectation with other outcomes where the system had one.
  private static func outcomes(
    _ testCase: GoldenCase, _ outcome: (String, ConfigurationValue) -> ConfigurationValue
  ) -> ConfigurationValue {
    testCase.expect.replacing("output_dtype_by_input") {
      $0.mapMembers { GoldenComparison.isAnchorFailure($1) ? $1 : outcome($0, $1) }
    }
  }
}
