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
