import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

/// Models of several inputs and several outputs.
@Suite struct SeveralOutputsTests {
  /// `a` and `b` to the class whether `a₀ > 0`, and to the value `b₀`.
  private func model(_ policy: DTypePolicy = .float32) throws -> Model {
    let (a, b) = (LayerOutput.input("a", shape: [2]), LayerOutput.input("b", shape: [1]))
    let joined = Concatenate(policy: policy)(
      Dense(6, activation: .tanh, policy: policy)(a), Dense(2, policy: policy)(b))
    let graph = try Functional(
      inputs: [a, b],
      outputs: .dictionary([
        "class": .tensor(Dense(2, policy: .float32)(joined)), "value": .tensor(Dense(1, policy: .float32)(joined)),
      ]))
    return Model(graph, seed: 1, runtime: .builtinOnly())
  }

  private func data(_ count: Int = 120) throws -> DataSet {
    let clouds = try FitTests.clouds(count)
    let values = (0..<count).map { Double($0 % 11) / 5 - 1 }
    let column = try Tensor(values, shape: [count, 1], dtype: .float32)
    return try DataSet(
      features: clouds.features, targets: clouds.targets, moreFeatures: [column], moreTargets: [column])
  }

  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .mixedBFloat16], [1, 3])
  func everyOutputLearns(policy: DTypePolicy, accumulating: Int) async throws {
    let (model, data) = (try model(policy), try data())
    let history = try await model.fit(
      data, validation: data, epochs: 12, batch: 12, accumulating: accumulating,
      optimizer: .adam(learningRate: accumulating == 1 ? 0.02 : 0.05), moreLosses: [.meanSquaredError])
    #expect(try #require(history.epochs.last).loss < 0.3 * history.epochs[0].loss)
    let evaluation = try model.evaluate(data, moreLosses: [.meanSquaredError])
    #expect(evaluation.accuracy ?? 0 > 0.95)
    let outputs = try model.predict(Arguments(.tensor(data.features), .tensor(data.moreFeatures[0])), batch: 50)
    guard case .dictionary(let members) = outputs else {
      Issue.record("\(outputs)")
      return
    }
    #expect(members["class"]?.tensor?.shape == [120, 2])
    let errors = zip(members["value"]?.tensor?.scalars() ?? [], data.moreTargets[0].scalars()).map { abs($0 - $1) }
    #expect(errors.count == 120 && errors.reduce(0, +) / 120 < 0.3)
  }

  /// The loss is the sum of those of the outputs.
  @Test func lossesAddUp() throws {
    let (model, data) = (try model(), try data())
    try model.build(inputs: data.types(batch: 10).arguments)
    let both = try model.evaluate(data, moreLosses: [.meanSquaredError]).loss
    let outputs = try model.predict(Arguments(.tensor(data.features), .tensor(data.moreFeatures[0])))
    let leaves = outputs.leaves.compactMap { $0 }
    func loss(_ loss: Loss, _ output: Tensor, _ target: Tensor) throws -> Double {
      let trace = Trace()
      let value = try loss(trace.input(output.type, name: "o"), target: trace.input(target.type, name: "t"))
      return try model.runtime.plan(trace.finish([value])).run([output, target])[0].scalar()
    }
    let sum =
      try loss(.sparseCategoricalCrossentropy, leaves[0], data.targets)
      + loss(.meanSquaredError, leaves[1], data.moreTargets[0])
    #expect(abs(both - sum) < 1e-5 * sum)
  }

  @Test func numbersThatDoNotFitAreRefused() async throws {
    let (model, data) = (try model(), try data())
    await #expect(throws: TrainingError.self) {
      try await model.fit(data, batch: 10, moreLosses: [.meanSquaredError, .meanSquaredError])
    }
    let one = try DataSet(features: data.features, targets: data.targets, moreFeatures: data.moreFeatures)
    await #expect(throws: LayerError.self) { try await model.fit(one, batch: 10) }
    let three = try DataSet(
      features: data.features, targets: data.targets, moreFeatures: data.moreFeatures,
      moreTargets: [data.moreTargets[0], data.moreTargets[0]])
    await #expect(throws: TrainingError.self) { try await model.fit(three, batch: 10) }
    let short = try Tensor(zeros: TensorType(.float32, [3, 1]))
    #expect(throws: TrainingError.self) {
      try DataSet(features: data.features, targets: data.targets, moreFeatures: [short])
    }
    #expect(throws: TrainingError.self) { try model.predict(Arguments(.tensor(data.features), .tensor(short))) }
  }

  /// Shuffled, joined and cut, the tensors of an example stay together.
  @Test func streamsKeepExamplesTogether() async throws {
    let count = 20
    let numbers = try Tensor((0..<count).map(Double.init), shape: [count, 1], dtype: .float32)
    let data = try DataSet(features: numbers, targets: numbers, moreFeatures: [numbers], moreTargets: [numbers])
    var seen = 0
    for try await batch in data.batches(of: 3, shuffledBy: 4).batched(7) {
      let scalars = batch.features.scalars()
      seen += scalars.count
      #expect(batch.moreFeatures.map { $0.scalars() } == [scalars])
      #expect(batch.moreTargets.map { $0.scalars() } == [scalars])
    }
    #expect(seen == count)
  }
}
