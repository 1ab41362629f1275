import Foundation
import MezzoLayers
import MezzoPolicy
import Testing

/// What layers are in a configuration, and what they are when nothing is said.
@Suite struct LayerConfigurationTests {
  static let layers: [any Layer & Hashable] = [
    BatchNormalization(policy: .float32),
    BatchNormalization(
      axis: 1, momentum: 0.5, epsilon: 1e-5, center: false, scale: false, betaInitializer: .ones,
      gammaInitializer: .constant(2), movingMeanInitializer: .ones, movingVarianceInitializer: .zeros,
      betaRegularizer: .l1(0.5), gammaRegularizer: .l2(0.25), name: "norm", policy: .mixedFloat16),
    Cast(to: .bfloat16, name: "down"),
    Embedding(inputDim: 3, outputDim: 4, policy: .mixedBFloat16),
    Embedding(
      inputDim: 3, outputDim: 4, embeddingsInitializer: .zeros, embeddingsRegularizer: .l2(0.5), name: "words",
      policy: .float64),
    LayerNormalization(policy: .bfloat16),
    LayerNormalization(
      axis: [1, 2], epsilon: 1e-6, center: false, scale: false, betaInitializer: .ones, gammaInitializer: .zeros,
      betaRegularizer: .l1(), gammaRegularizer: .l2(), name: "norm", policy: .float16),
    Softmax(axis: 1, name: "p", policy: .float16),
  ]

  @Test(arguments: layers.indices) func configurationsRoundTrip(_ index: Int) throws {
    let layer = Self.layers[index]
    let text = try JSONEncoder().encode(AnyLayer(layer))
    let read = try JSONDecoder().decode(AnyLayer.self, from: text).layer
    #expect(AnyHashable(layer) == (read as? any Hashable).map { AnyHashable($0) })
    #expect(type(of: read).className == "\(type(of: layer))")
  }

  /// As they were written before layers had what is off here.
  @Test(
    arguments: [
      (
        #"""
        {"class_name": "Embedding", "config": {"inputDim": 3, "outputDim": 4, "name": "words",
        "embeddingsInitializer": {"randomUniform": {"minimum": -0.05, "maximum": 0.05}}, "policy": POLICY}}
        """#, Embedding(inputDim: 3, outputDim: 4, name: "words", policy: .mixedBFloat16)
      ),
      (
        #"""
        {"class_name": "SimpleRNN", "config": {"units": 2, "activation": "tanh", "useBias": true,
        "kernelInitializer": {"glorotUniform": {}}, "recurrentInitializer": {"orthogonal": {}},
        "biasInitializer": {"zeros": {}}, "returnSequences": true, "returnState": false, "goBackwards": false,
        "policy": POLICY}}
        """#, SimpleRNN(2, returnSequences: true, policy: .mixedBFloat16)
      ),
      (
        #"""
        {"class_name": "LSTM", "config": {"units": 2, "activation": "tanh", "recurrentActivation": "sigmoid",
        "useBias": true, "kernelInitializer": {"glorotUniform": {}}, "recurrentInitializer": {"orthogonal": {}},
        "biasInitializer": {"zeros": {}}, "unitForgetBias": true, "kernelRegularizer": {"l2": {"_0": 0.5}},
        "returnSequences": false, "returnState": false, "goBackwards": false, "policy": POLICY}}
        """#, LSTM(2, kernelRegularizer: .l2(0.5), policy: .mixedBFloat16)
      ),
      (
        #"""
        {"class_name": "GRU", "config": {"units": 2, "activation": "tanh", "recurrentActivation": "sigmoid",
        "useBias": true, "kernelInitializer": {"glorotUniform": {}}, "recurrentInitializer": {"orthogonal": {}},
        "biasInitializer": {"zeros": {}}, "returnSequences": false, "returnState": false, "goBackwards": true,
        "resetAfter": false, "policy": POLICY}}
        """#, GRU(2, goBackwards: true, resetAfter: false, policy: .mixedBFloat16)
      ),
    ] as [(String, any Layer & Hashable)])
  func olderConfigurationsAreRead(text: String, layer: any Layer & Hashable) throws {
    let policy = String(decoding: try JSONEncoder().encode(layer.policy), as: UTF8.self)
    let whole = text.replacingOccurrences(of: "POLICY", with: policy)
    let read = try JSONDecoder().decode(AnyLayer.self, from: Data(whole.utf8)).layer
    #expect(AnyHashable(layer) == (read as? any Hashable).map { AnyHashable($0) })
  }

  /// What a layer has got since: nothing else may be required of a configuration than what was there from the beginning.
  @Test func whatWasAddedIsOptional() throws {
    let added: Set = ["maskZero", "stateful"]
    for layer in Self.layers {
      let written = try JSONSerialization.jsonObject(with: JSONEncoder().encode(AnyLayer(layer)))
      var whole = try #require(written as? [String: Any])
      let config = try #require(whole["config"] as? [String: Any])
      whole["config"] = config.filter { !added.contains($0.key) && !$0.key.hasSuffix("Constraint") }
      let text = try JSONSerialization.data(withJSONObject: whole)
      let read = try JSONDecoder().decode(AnyLayer.self, from: text).layer
      #expect(AnyHashable(layer) == (read as? any Hashable).map { AnyHashable($0) })
    }
  }

  @Test func defaultsAreKerass() {
    let batch = BatchNormalization(policy: .float32)
    #expect(batch.axis == -1 && batch.momentum == 0.99 && batch.epsilon == 1e-3 && batch.center && batch.scale)
    let layer = LayerNormalization(policy: .float32)
    #expect(layer.axis == [-1] && layer.epsilon == 1e-3 && layer.center && layer.scale)
    #expect(
      Embedding(inputDim: 1, outputDim: 1).embeddingsInitializer == .randomUniform(minimum: -0.05, maximum: 0.05))
    #expect(Softmax().axis == -1)
  }

  @Test func thePolicyInEffectIsTakenWhenTheLayerIsMade() {
    let made = withPolicy(.mixedFloat16) { () -> [any Layer] in
      [BatchNormalization(), Embedding(inputDim: 1, outputDim: 1), LayerNormalization(), Softmax()]
    }
    for layer in made { #expect(layer.policy == .mixedFloat16) }
  }
}
