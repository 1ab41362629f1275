import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Layers with tables and averages, trained as part of models.
@Suite struct NormalizationTests {
  @Test(arguments: [DTypePolicy.float32, .float64, .bfloat16, .mixedFloat16, .mixedBFloat16])
  func aModelWithNormalisationsLearns(policy: DTypePolicy) async throws {
    // Inputs of order 100: without the first layer the second begins far from anywhere.
    let data = try FitTests.clouds(magnitude: 100)
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      BatchNormalization(momentum: 0.75, policy: policy)
      Dense(8, activation: .relu, policy: policy)
      LayerNormalization(policy: policy)
      Dense(2, policy: policy)
      Cast(to: policy == .float64 ? .float64 : .float32)
    }
    let history = try await model.fit(data, epochs: 6, batch: 20, optimizer: .adam(learningRate: 0.02))
    #expect(history.epochs.last.map { $0.loss < 0.1 } == true)
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
    let variance = try #require(try model.variables["batch_normalization.moving_variance"]).scalars()
    #expect(variance.allSatisfy { $0 > 1000 })
  }

  @Test func aStepMovesTheAveragesByWhatMomentumLeaves() async throws {
    let data = try FitTests.clouds(16)
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      BatchNormalization(policy: .mixedBFloat16)
      Dense(2, policy: .float32)
    }
    try await model.fit(data, epochs: 1, batch: 16)
    let means = (0..<2).map { column in
      stride(from: column, to: 32, by: 2).reduce(0) { $0 + data.features.scalars()[$1] } / 16
    }
    let moving = try #require(try model.variables["batch_normalization.moving_mean"]).scalars()
    for (moving, mean) in zip(moving, means) {
      // The inputs were rounded to bfloat16 before.
      #expect(abs(moving - 0.01 * mean) < 0.01 * 2 * 0x1p-9)
    }
    #expect(try !model.variables.isTrainable("batch_normalization.moving_mean"))
    let before = try model.variables
    _ = try model(data.features)
    #expect(try model.variables == before)
  }

  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .bfloat16])
  func anEmbeddingLearns(policy: DTypePolicy) async throws {
    // Words 0 to 4 belong to one class, 5 to 9 to the other.
    let words = (0..<200).map { Double($0 * 7 % 10) }
    let data = try DataSet(
      features: Tensor(words, shape: [200, 1], dtype: .uint8),
      targets: Tensor(words.map { $0 < 5 ? 0 : 1 }, shape: [200], dtype: .int32))
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Embedding(inputDim: 10, outputDim: 4, policy: policy)
      Flatten(policy: policy)
      Dense(2, policy: .float32)
    }
    try await model.fit(data, epochs: 20, batch: 20, optimizer: .adam(learningRate: 0.05))
    #expect(try model.evaluate(data).accuracy == 1)
  }
}
