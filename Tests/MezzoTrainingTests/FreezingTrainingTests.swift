import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// What `freeze` means to training.
@Suite struct FreezingTrainingTests {
  private func model() throws -> Model {
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Sequential(
        [Dense(4, activation: .relu, policy: .float32), BatchNormalization(policy: .float32)], name: "base",
        policy: .float32)
      Dense(2, name: "head", policy: .float32)
    }
    try model.build(input: [8, 2])
    return model
  }

  @Test func frozenLayersStayBitForBit() async throws {
    let model = try model()
    let data = try FitTests.clouds(64)
    try model.freeze("base")
    let before = try model.variables
    try await model.fit(data, epochs: 2, batch: 8)
    let after = try model.variables
    for path in before.paths { #expect((before[path] == after[path]) == path.hasPrefix("base"), "\(path)") }
    try model.unfreeze("base")
    try await model.fit(data, epochs: 1, batch: 8)
    let trained = try model.variables
    for path in before.paths { #expect(before[path] != trained[path], "\(path)") }
  }

  /// No update, and so no slot that it would read.
  @Test func theOptimizerDoesNotKnowThem() throws {
    let model = try model()
    func updated() throws -> Set<String> {
      let explanation = try model.explainTraining(
        features: TensorType(.float32, [8, 2]), targets: TensorType(.int32, [8]))
      return Set(explanation.records.filter { $0.phase == .update }.map(\.layer)).subtracting(["optimizer"])
    }
    #expect(try updated() == ["base.dense", "base.batch_normalization", "head"])
    try model.freeze("base", "head.bias")
    #expect(try updated() == ["head"])
    try model.freeze()
    #expect(throws: TrainingError.frozen) { try updated() }
  }

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
}
