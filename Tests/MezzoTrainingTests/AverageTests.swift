import Foundation
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Running averages of the weights, from the first step to what the model gets.
@Suite struct AverageTests {
  private static let runtime = Runtime.builtinOnly()

  private func model(_ policy: DTypePolicy = .float32) -> Model {
    withPolicy(policy) { Model(seed: 3, runtime: Self.runtime) { Dense(2, policy: policy) } }
  }

  private func batch(_ step: Int) throws -> TrainingBatch {
    let values = (0..<12).map { sin(Double(step * 12 + $0)) }
    return TrainingBatch(
      features: try Tensor(values, shape: [4, 3], dtype: .float32),
      targets: try Tensor((0..<8).map { cos(Double(step * 8 + $0)) }, shape: [4, 2], dtype: .float32))
  }

  private func trainer(_ model: Model, _ optimizer: any Optimizer) throws -> Trainer {
    let batch = try batch(0)
    return try Trainer(
      model, features: batch.features.type, targets: batch.targets.type, loss: .meanSquaredError, optimizer: optimizer)
  }

  private func kernel(_ model: Model) throws -> [Double] {
    let path = try #require(try model.variables.paths.first { $0.hasSuffix("kernel") })
    return try #require(try model.variables[path]).scalars()
  }

  /// The weights after each of `steps` steps.
  private func weights(_ optimizer: any Optimizer, _ policy: DTypePolicy = .float32, steps: Int) throws -> [[Double]] {
    let model = model(policy)
    var trainer = try trainer(model, optimizer)
    return try (1...steps).map { step in
      try trainer.train(on: batch(step))
      try trainer.publish()
      return try kernel(model)
    }
  }

  @Test(arguments: [DTypePolicy.float32, .mixedBFloat16])
  func theModelGetsTheAverages(policy: DTypePolicy) throws {
    let plain = try weights(SGD(learningRate: 0.1), policy, steps: 5)
    var average = plain[0]
    for weights in plain.dropFirst() { average = zip(average, weights).map { $0 * 0.75 + $1 * 0.25 } }
    let averaged = model(policy)
    var trainer = try trainer(averaged, ExponentialMovingAverage(SGD(learningRate: 0.1), momentum: 0.75))
    for step in 1...5 { try trainer.train(on: batch(step)) }
    try trainer.publish()
    let found = try kernel(averaged)
    #expect(zip(found, average).allSatisfy { abs($0 - $1) < 1e-6 }, "\(found), \(average)")
    #expect(zip(found, plain[4]).contains { abs($0 - $1) > 1e-3 })
    // Training goes on from the weights, not from what was published.
    try trainer.train(on: batch(6))
    try trainer.publish()
    let next = zip(average, try weights(SGD(learningRate: 0.1), policy, steps: 6)[5]).map { $0 * 0.75 + $1 * 0.25 }
    #expect(zip(try kernel(averaged), next).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func weightsBecomeTheirAveragesNowAndThen() throws {
    let overwriting = ExponentialMovingAverage(SGD(learningRate: 0.1), momentum: 0.75, overwriteFrequency: 2)
    let plain = ExponentialMovingAverage(SGD(learningRate: 0.1), momentum: 0.75)
    // Up to the second step nothing was overwritten yet, and what is published are averages either way.
    let (with, without) = (try weights(overwriting, steps: 3), try weights(plain, steps: 3))
    #expect(with[0] == without[0] && with[1] == without[1] && with[2] != without[2])

    // By hand: the third step begins at the average of the second.
    let model = model()
    var trainer = try trainer(model, overwriting)
    for step in 1...2 { try trainer.train(on: batch(step)) }
    try trainer.publish()
    let average = try kernel(model)
    var after = try self.trainer(model, SGD(learningRate: 0.1))
    try after.train(on: batch(3))
    try after.publish()
    let expected = zip(average, try kernel(model)).map { $0 * 0.75 + $1 * 0.25 }
    #expect(zip(with[2], expected).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test func fittingPublishesAverages() async throws {
    let (train, test) = try DataSet.digits()
    let (some, few) = (try train.subset(0..<128), try test.subset(0..<64))
    func fitted(_ optimizer: any Optimizer) async throws -> (kernel: [Double], history: History) {
      let model = Model(seed: 1, runtime: Self.runtime) {
        Flatten()
        Dense(10)
      }
      let history = try await model.fit(some, validation: few, epochs: 2, batch: 32, optimizer: optimizer)
      return (try kernel(model), history)
    }
    let plain = try await fitted(Adam(learningRate: 0.01))
    let averaged = try await fitted(ExponentialMovingAverage(Adam(learningRate: 0.01), momentum: 0.9))
    // The steps are the same, and validation sees the averages.
    #expect(averaged.history.epochs.map(\.loss) == plain.history.epochs.map(\.loss))
    #expect(averaged.kernel != plain.kernel)
    #expect(averaged.history.epochs[1].validationLoss != plain.history.epochs[1].validationLoss)
  }

  @Test func aFrequencyOfNothingIsATypedError() {
    #expect(throws: TrainingError.self) { try ExponentialMovingAverage(SGD(), overwriteFrequency: 0).check() }
  }
}
