import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

@Suite struct TrainerTests {
  private func model(_ policy: DTypePolicy) -> Model {
    Model(runtime: .builtinOnly()) {
      Dense(8, activation: .relu, policy: policy)
      Dense(2, policy: policy)
    }
  }

  private func batch(_ examples: Int) throws -> TrainingBatch {
    TrainingBatch(
      features: try Tensor((0..<examples * 2).map { Double($0 % 7) - 3 }, shape: [examples, 2], dtype: .float32),
      targets: try Tensor((0..<examples).map { Double($0 % 2) }, shape: [examples], dtype: .int32))
  }

  @Test(arguments: [DTypePolicy.float32, .mixedFloat16])
  func aLoopOfOnesOwnLearns(policy: DTypePolicy) throws {
    let model = model(policy)
    let batch = try batch(6)
    var trainer = try Trainer(
      model, features: batch.features.type, targets: batch.targets.type, optimizer: .adam(learningRate: 0.05))
    let before = try model.variables
    var losses: [Double] = []
    for _ in 0..<30 { losses.append(try trainer.train(on: batch).loss) }
    #expect(try #require(losses.last) < 0.5 * losses[0])
    #expect((trainer.lossScale != nil) == (policy == .mixedFloat16))
    // The trainer keeps its changes to itself until they are published.
    #expect(try model.variables == before)
    try trainer.publish()
    #expect(try model.variables != before)
  }

  @Test func itTrainsAsFitDoes() async throws {
    let (fitted, looped) = (model(.float32), model(.float32))
    let batch = try batch(6)
    let history = try await fitted.fit(
      DataSet(features: batch.features, targets: batch.targets), batch: 6, optimizer: .sgd(learningRate: 0.1))
    var trainer = try Trainer(
      looped, features: batch.features.type, targets: batch.targets.type, optimizer: .sgd(learningRate: 0.1))
    let loss = try trainer.train(on: batch).loss
    // fit shuffles the examples, which changes the order of the sums.
    #expect(abs(loss - history.epochs[0].loss) < 1e-5 * loss)
  }

  @Test func batchesMayHaveOtherSizesAndNoOtherTypes() throws {
    let batch = try batch(6)
    var trainer = try Trainer(model(.float32), features: batch.features.type, targets: batch.targets.type)
    #expect(try trainer.train(on: self.batch(3)).isApplied)
    let wrong = TrainingBatch(
      features: try Tensor(zeros: TensorType(.float32, [6, 3])), targets: batch.targets)
    #expect(throws: LayerError.self) { try trainer.train(on: wrong) }
    #expect(try trainer.train(on: batch).isApplied)
    #expect(throws: TrainingError.self) { try trainer.train(on: [batch, batch]) }
    #expect(throws: TrainingError.self) { try trainer.train(on: []) }
  }
}
