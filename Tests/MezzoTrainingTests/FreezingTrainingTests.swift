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
}
