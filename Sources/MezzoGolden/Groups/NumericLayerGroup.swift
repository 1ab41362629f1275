import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// What layers compute, and the gradients by their inputs and weights, under every policy.
enum NumericLayerGroup: GoldenGroup {
  static let names = ["numeric.layer"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let input = testCase.input
    let name = try input.string("layer")
    // Inputs, weights and the gradient by the first output are part of the question.
    let given = try testCase.expect.member("ok")
    let inputs = try given.array("inputs").map { try GoldenTensor.read($0) }
    let weights = try given.array("weights").map { try GoldenTensor.read(try $0.member("value")) }
    let policy = try DTypePolicy(try input.string("policy"))
    guard let layer = layer(name, policy, inputs, weights, try input.string("description")) else {
      return .unsupported("the layer \(name)")
    }
    let asked = GoldenLayer(
      layer, takesArray: try input.string("input_structure") == "list",
      isTraining: input["call"]?["training"]?.asBool ?? false)
    let named = try masks(input["call"] ?? nil)
    let call = try TracedCall(
      Model(layer), inputs: asked.arguments(inputs.map(\.type), named: named.mapValues(\.type)),
      isTraining: asked.isTraining
    ) { _ in .constant }
    guard call.variables.map(\.type.shape) == weights.map(\.shape) else {
      throw GoldenFormError(
        expected: "weights \(call.variables.map(\.type.shape))", found: "\(weights.map(\.shape))")
    }
    let outputs = call.outputs.leaves.compactMap { $0 }
    guard let first = outputs.first else { throw GoldenFormError(expected: "a layer with an output", found: name) }
    let cotangent = try GoldenTensor.read(try given.member("cotangent")).cast(to: first.dtype)
    let symbol = call.trace.input(TensorType(.float64, cotangent.shape), name: "cotangent")
    let loss = try (first.cast(to: .float64) * symbol).sum()
    let sources = call.inputs.positional.flatMap(\.leaves).compactMap { $0 }.filter(\.dtype.isFloatingPoint)
    let trainable = call.variables.filter(\.isTrainable)
    let gradients = try call.trace.gradients(of: loss, by: sources + trainable.compactMap { call.symbol($0.path) })
    let assigned = call.assignments
    let graph = call.trace.finish(outputs + gradients + assigned.map(\.value))
    let stored = try zip(weights, call.variables).map { try $0.cast(to: $1.type.dtype) }
    let tensors = inputs + named.keys.sorted().compactMap { named[$0] } + stored + [try cotangent.cast(to: .float64)]
    var results = try Runtime.shared.plan(graph).run(tensors)[...]
    func take(_ count: Int) -> [Tensor] {
      defer { results = results.dropFirst(count) }
      return Array(results.prefix(count))
    }

    let names = call.weightNames(layer, testCase.dialect)
    func list(_ tensors: [Tensor], _ names: [String]) -> ConfigurationValue {
      .array(zip(names, tensors).map { ["name": .string($0), "value": GoldenTensor.write($1)] })
    }
    var answer: [String: ConfigurationValue] = [
      "inputs": try given.member("inputs"), "cotangent": try given.member("cotangent"), "weights": list(stored, names),
      "outputs": .array(take(outputs.count).map(GoldenTensor.write)),
      "input_grads": .array(take(sources.count).map(GoldenTensor.write)),
    ]
    let trainableNames = zip(names, call.variables).filter(\.1.isTrainable).map(\.0)
    answer["weight_grads"] = list(take(trainable.count), trainableNames)
    if given["weights_after"] != nil {
      var after = Dictionary(uniqueKeysWithValues: zip(call.variables.map(\.path), stored))
      for (variable, tensor) in zip(assigned.map(\.variable), take(assigned.count)) { after[variable.path] = tensor }
      answer["weights_after"] = list(call.variables.compactMap { after[$0.path] }, names)
    }
    return .ok(.object(answer))
  }

  /// `{"mask": "mask5"}` and `{"attention_mask": "tri3"}`.
  static func masks(_ call: ConfigurationValue) throws -> [String: Tensor] {
    var masks: [String: Tensor] = [:]
    for (key, value) in call.asObject ?? [:] {
      switch value.asString {
      case "mask5": masks[key] = try Tensor([1, 1, 0, 1, 0, 0, 0, 0, 0, 0], shape: [2, 5], dtype: .bool)
      case "tri3": masks[key] = try Tensor([1, 0, 0, 1, 1, 0, 1, 1, 1], shape: [1, 3, 3], dtype: .bool)
      default: break
      }
    }
    return masks
  }

  /// The layer of a name and a description: sizes follow from the weights.
  private static func layer(
    _ name: String, _ policy: DTypePolicy, _ inputs: [Tensor], _ weights: [Tensor], _ description: String
  ) -> (any Layer)? {
    let shapes = weights.map(\.shape)
    let last = shapes.first?.last ?? 1
    let hasBias = shapes.count > 1
    switch name {
    case "Attention": return Attention(policy: policy)
    case "AveragePooling2D": return AveragePooling2D(padding: .same, policy: policy)
    case "BatchNormalization4D_train":
      return BatchNormalization(momentum: 0.9, epsilon: 1e-2, policy: policy)
    case "BatchNormalization_big", "BatchNormalization_infer", "BatchNormalization_train":
      return BatchNormalization(momentum: name == "BatchNormalization_train" ? 0.9 : 0.99, policy: policy)
    case "Bidirectional_GRU": return Bidirectional(GRU(shapes[1][0], policy: policy), policy: policy)
    case "Bidirectional_LSTM": return Bidirectional(LSTM(shapes[1][0], policy: policy), policy: policy)
    case "Conv1DTranspose": return Conv1DTranspose(shapes[0][1], kernelSize: Extents([shapes[0][0]]), policy: policy)
    case "Conv2DTranspose":
      return Conv2DTranspose(shapes[0][2], kernelSize: Extents(Array(shapes[0][..<2])), policy: policy)
    case "Conv3D": return Conv3D(last, kernelSize: Extents(Array(shapes[0][..<3])), policy: policy)
    case "Conv1D": return Conv1D(last, kernelSize: Extents([shapes[0][0]]), padding: .same, policy: policy)
    case "Conv1D_causal":
      return Conv1D(last, kernelSize: Extents([shapes[0][0]]), padding: .causal, dilationRate: 2, policy: policy)
    case "Conv2D": return Conv2D(last, kernelSize: Extents(Array(shapes[0][..<2])), policy: policy)
    case "Conv2D_same_s2":
      return Conv2D(
        last, kernelSize: Extents(Array(shapes[0][..<2])), strides: 2, padding: .same, activation: .relu, policy: policy
      )
    case "Dense", "Dense_wide": return Dense(last, policy: policy)
    case "Dense_3d": return Dense(last, activation: .tanh, policy: policy)
    case "Dense_relu_nobias": return Dense(last, activation: .relu, useBias: hasBias, policy: policy)
    case "Dense_softmax": return Dense(last, activation: .softmax, policy: policy)
    case "DepthwiseConv2D": return DepthwiseConv2D(kernelSize: Extents(Array(shapes[0][..<2])), policy: policy)
    case "Dot": return Dot(axes: [1], normalize: true, policy: policy)
    case "EinsumDense":
      return EinsumDense("abc,cd->abd", outputShape: [nil, last], biasAxes: "d", policy: policy)
    case "Embedding": return Embedding(inputDim: shapes[0][0], outputDim: last, policy: policy)
    case "GRU": return GRU(shapes[1][0], returnSequences: true, policy: policy)
    case "GlobalAveragePooling1D", "GlobalAveragePooling1D_big": return GlobalAveragePooling1D(policy: policy)
    case "GroupNormalization": return GroupNormalization(groups: 2, policy: policy)
    case "LSTM": return LSTM(shapes[1][0], returnSequences: true, returnState: true, policy: policy)
    case "LayerNormalization", "LayerNormalization_big": return LayerNormalization(policy: policy)
    case "LayerNormalization_axes12": return LayerNormalization(axis: [1, 2], policy: policy)
    case "LayerNormalization_eps1e-6": return LayerNormalization(epsilon: 1e-6, policy: policy)
    case "MaxPooling2D": return MaxPooling2D(policy: policy)
    case "MultiHeadAttention", "MultiHeadAttention_masked":
      return MultiHeadAttention(numHeads: shapes[0][1], keyDim: shapes[0][2], policy: policy)
    case "SimpleRNN": return SimpleRNN(shapes[1][0], policy: policy)
    case "SeparableConv2D":
      return SeparableConv2D(
        shapes[1].last ?? 1, kernelSize: Extents(Array(shapes[0][..<2])),
        depthMultiplier: shapes[0].last ?? 1, policy: policy)
    case "TimeDistributed_Dense": return TimeDistributed(Dense(last, policy: policy), policy: policy)
    case "Softmax", "Softmax_big", "Softmax_masked": return Softmax(policy: policy)
    case "Softmax_axis1": return Softmax(axis: 1, policy: policy)
    // Of these the name says all.
    default: return GoldenLayer(named: name, policy)?.layer
    }
  }

  static func tolerance(for testCase: GoldenCase) -> Double {
    let policy = testCase.input["policy"]?.asString.flatMap { try? DTypePolicy($0) }
    return switch policy?.computeDType {
    case .float64?: 1e-9
    case .float32?: 2e-5
    case .float16?: 1e-2
    default: 3e-2
    }
  }

  /// Gradients are sums of several rounded numbers.
  static func tolerance(for testCase: GoldenCase, at path: String) -> Double {
    (path.hasPrefix("ok.input_grads") || path.hasPrefix("ok.weight_grads") ? 3 : 1) * tolerance(for: testCase)
  }

  static let differences: [DesignDifference] = [
    LayerDifferences.storedParameters { testCase in
      LayerDifferences.policy(testCase).map { stored(testCase.expect, .name($0.variableDType?.name)) }
    } _: { testCase in
      guard LayerDifferences.isNarrowBatchNormalization(testCase) else { return nil }
      return stored(testCase.expect, "float32")
    },
    LayerDifferences.heads { testCase in
      // As under the global policy of a fresh process, and with as many digits.
      let close =
        StatedFloat64Layer(testCase)?.restated(testCase.expect).withNumbers(of: testCase.expect, within: 1e-4)
      return stored(close ?? testCase.expect, "float32").replacing("ok") {
        $0.replacing("outputs") { $0.mapElements { $0.replacing("dtype") { _ in "float32" } } }
      }
    } _: { testCase in
      guard testCase.input["layer"]?.asString?.hasPrefix("MultiHeadAttention") ?? false,
        let policy = LayerDifferences.policy(testCase)
      else { return nil }
      // Of float64 the constants are exact too.
      let stated = StatedFloat64Layer(testCase)?.restated(testCase.expect) ?? testCase.expect
      return stored(stated, .name(policy.variableDType?.name)).replacing("ok") {
        $0.replacing("outputs") { $0.mapElements { $0.replacing("dtype") { _ in .name(policy.computeDType?.name) } } }
      }
    },
    DesignDifference(
      "A constant has the digits of what it meets", systems: ["tf24", "tfkeras", "keras3"],
      cases: """
        float64 layers with constants that the system rounds to float32 first: the slope of LeakyReLU, the root in gelu, \
        the scale of attention scores, the momentum of batch normalisation
        """,
      behaviour: "Constants are float64 where the layer computes in it.",
      reason: "A result in float64 that is right to seven digits looks right to sixteen.",
      theirs: { testCase in
        // What is stated of averages is computed from those of the system.
        movedExactly(testCase) != nil
          ? testCase.expect
          : StatedFloat64Layer(testCase)?.restated(testCase.expect).withNumbers(of: testCase.expect, within: 1e-4)
      }
    ) { testCase in
      movedExactly(testCase) ?? StatedFloat64Layer(testCase)?.restated(testCase.expect)
    },
    DesignDifference(
      "Pooling does not overflow", systems: ["tf24", "tfkeras", "keras3"],
      cases: "the mean of float16 inputs whose sum is infinite in float16",
      behaviour: "Sums are in float32, and the mean alone is rounded.", reason: "The mean of finite numbers is finite.",
      theirs: { testCase in
        guard let means = means(testCase), let first = testCase.expect["ok"]?["outputs"]?.asArray?.first,
          let found = first["data"]?.asArray?.map(\.asDouble), found.count == means.count
        else { return nil }
        // Infinite where the sum can be that on its way, else the mean.
        return outputs(
          testCase,
          zip(means, found).map { mean, found in
            let overflows = mean.sum > 65504 && !(found ?? 0).isFinite
            return overflows ? found ?? mean.value : mean.value
          })
      }
    ) { testCase in
      means(testCase).map { outputs(testCase, $0.map(\.value)) }
    },
    DesignDifference(
      "Layer normalisation is in at least float32", systems: ["tf24", "tfkeras"],
      cases: "layer normalisation under float16 of inputs whose squares leave its range",
      behaviour: "All arithmetic is in float32, as in Keras 3; parameters alone are stored in float16.",
      reason: "In float16 the variance is infinite, and the output is nothing but beta.",
      theirs: { StatedNormalization($0, isInHalf: true)?.restated($0.expect) }
    ) { testCase in
      guard testCase.input["layer"]?.asString?.hasPrefix("LayerNormalization") ?? false,
        testCase.input["policy"] == "float16", let stated = StatedNormalization(testCase), stated.overflowsHalf
      else { return nil }
      return stated.restated(testCase.expect)
    },
  ]

  /// The means over the steps, and the sums of magnitudes that they are of; nil for a case about something else.
  private static func means(_ testCase: GoldenCase) -> [(value: Double, sum: Double)]? {
    guard testCase.input["layer"]?.asString?.hasPrefix("GlobalAveragePooling1D") ?? false,
      let given = (testCase.expect["ok"]?["inputs"]?.asArray?.first).flatMap({ try? GoldenTensor.read($0) }),
      given.shape.count == 3, let compute = LayerDifferences.policy(testCase)?.computeDType,
      let x = try? given.cast(to: compute)
    else { return nil }
    let (values, steps, channels) = (x.scalars(), x.shape[1], x.shape[2])
    return (0..<x.shape[0] * channels).map { place in
      let first = place / channels * steps * channels + place % channels
      let row = (0..<steps).map { values[first + $0 * channels] }
      return (row.reduce(0, +) / Double(steps), row.reduce(0) { $0 + $1.magnitude })
    }
  }

  /// With averages that moved by `1 − momentum` in float64, where the system moved them by the float32 next to that.
  private static func movedExactly(_ testCase: GoldenCase) -> ConfigurationValue? {
    guard testCase.input["policy"] == "float64", let layer = testCase.input["layer"]?.asString,
      layer.hasPrefix("BatchNormalization"), let before = testCase.expect["ok"]?["weights"]?.asArray
    else { return nil }
    let share = 1 - (layer.hasSuffix("_train") ? 0.9 : 0.99)
    let correction = share / Double(Float(share))
    return testCase.expect.replacing("ok") {
      $0.replacing("weights_after") { after in
        guard let elements = after.asArray, elements.count == before.count else { return after }
        return .array(
          zip(before, elements).map { before, after in
            guard let old = before["value"]?["data"]?.asArray?.compactMap(\.asDouble) else { return after }
            return after.replacing("value") {
              $0.replacing("data") { data in
                let new = data.asArray?.compactMap(\.asDouble) ?? []
                return .array(zip(old, new).map { .exactly($0 + ($1 - $0) * correction) })
              }
            }
          })
      }
    }
  }

  /// The expectation with weights and their gradients in another dtype.
  private static func stored(_ expectation: ConfigurationValue, _ dtype: ConfigurationValue) -> ConfigurationValue {
    expectation.replacing("ok") { answer in
      ["weights", "weight_grads", "weights_after"].reduce(answer) { answer, key in
        answer.replacing(key) { $0.mapElements { $0.replacing("value") { $0.replacing("dtype") { _ in dtype } } } }
      }
    }
  }

  private static func outputs(_ testCase: GoldenCase, _ values: [Double]) -> ConfigurationValue {
    testCase.expect.replacing("ok") {
      $0.replacing("outputs") {
        $0.mapElements { $0.replacing("data") { _ in .array(values.map(ConfigurationValue.exactly)) } }
      }
    }
  }
}
