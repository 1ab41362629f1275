import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Whatever a model is made of, it trains, is evaluated and predicts.
@Suite struct ModelKindsTests {
  /// A graph of layers trains, is evaluated and predicts as any model.
  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .mixedBFloat16])
  func functionalModelsTrain(policy: DTypePolicy) async throws {
    let x = LayerOutput.input("x", shape: [2])
    let hidden = Dense(8, activation: .relu, name: "hidden", policy: policy)(x)
    let residual = Add(policy: policy)(hidden, Dense(8, activation: .relu, policy: policy)(hidden))
    let graph = try Functional(inputs: [x], outputs: Dense(2, policy: .float32)(residual))
    let model = Model(graph, seed: 1, runtime: .builtinOnly())
    let data = try FitTests.clouds()
    try await model.fit(data, epochs: 4, batch: 16, optimizer: .adam(learningRate: 0.02))
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
    #expect(try model.predict(data.features).shape == [200, 2])
  }

  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .mixedBFloat16])
  func modelsOfOnesOwnTrain(policy: DTypePolicy) async throws {
    let model = Model(Residual(policy: policy), seed: 1, runtime: .builtinOnly())
    let data = try FitTests.clouds()
    try await model.fit(data, epochs: 4, batch: 16, optimizer: .adam(learningRate: 0.02))
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
    #expect(try model.predict(data.features).shape == [200, 2])
    #expect(try model.variables.paths.contains("inner.kernel"))
  }

  /// Its states go on from batch to batch and into the model.
  @Test func statefulModelsTrain() async throws {
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Reshape([1, 2])
      GRU(4, stateful: true, name: "memory", policy: .float32)
      Dense(2, policy: .float32)
    }
    let data = try FitTests.clouds(64)
    try await model.fit(data, epochs: 3, batch: 16, optimizer: .adam(learningRate: 0.05))
    let state = try #require(try model.variables["memory.state_0"])
    #expect(state.shape == [16, 4] && state.scalars().contains { $0 != 0 })
    try model.resetStates()
    #expect(try model.variables["memory.state_0"]?.scalars().allSatisfy { $0 == 0 } == true)
  }

  @Test func maskedSequencesTrain() async throws {
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Masking(policy: .float32)
      LSTM(4, policy: .float32)
      Dense(2, policy: .float32)
    }
    // What counts is the first step; the others are padding.
    let clouds = try FitTests.clouds(100).features.scalars()
    let padded = (0..<100).flatMap { row -> [Double] in [clouds[2 * row], clouds[2 * row + 1], 0, 0, 0, 0] }
    let data = try DataSet(
      features: Tensor(padded, shape: [100, 3, 2], dtype: .float32), targets: FitTests.clouds(100).targets)
    try await model.fit(data, epochs: 6, batch: 10, optimizer: .adam(learningRate: 0.05))
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
  }
}

/// A model of one's own: a layer that calls others.
private struct Residual: Layer {
  var policy: DTypePolicy

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let hidden = try context.call(Dense(8, activation: .relu, policy: policy), input, name: "hidden")
    let inner = try context.call(Dense(8, activation: .relu, policy: policy), hidden, name: "inner")
    return try context.call(Dense(2, policy: .float32), hidden + inner, name: "logits")
  }
}
