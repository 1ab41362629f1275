import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// The examples of Docs/Objectives.md, which are the code between the lines here.
@Suite struct GuideTests {
  @Test func everyExampleIsRunHere() throws {
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let guide = try String(contentsOf: root.appending(path: "Docs/Objectives.md"), encoding: .utf8)
    let examples = guide.components(separatedBy: "```swift\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
    #expect(examples.count > 6)
    let lines = Self.lines(source)
    for example in examples {
      #expect(lines.contains(Self.lines(example)), "not in GuideTests: \(example)")
    }
  }

  /// Without indentation, which differs inside of a function.
  private static func lines(_ text: String) -> String {
    text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
  }

  private func digits() throws -> (train: DataSet, test: DataSet) {
    let (train, test) = try DataSet.digits()
    return (try train.subset(0..<64), try test.subset(0..<32))
  }

  private func model() -> Model {
    Model {
      Flatten()
      Dense(10)
    }
  }

  private func tensors() throws -> (output: Tensor, target: Tensor, weights: Tensor) {
    (
      try Tensor([0.9, 0.2, 0.1, 0.8], shape: [2, 2], dtype: .float32),
      try Tensor([1, 0, 0, 1], shape: [2, 2], dtype: .float32), try Tensor([1, 3], shape: [2], dtype: .float32)
    )
  }

  @Test func losses() async throws {
    let model = model()
    let train = try digits().train
    let plain = Loss.huber(delta: 2)
    let summed = Loss(.binaryCrossentropy(fromLogits: true), reduction: .sum)
    try await model.fit(train, loss: .sparseCategoricalCrossentropy)
    #expect(plain.function == .huber(delta: 2) && summed.reduction == .sum)
  }

  @Test func weights() async throws {
    let model = model()
    let train = try digits().train
    let features = try Tensor(train.features.scalars().map { $0 / 16 }, shape: [64, 8, 8], dtype: .float32)
    let (targets, weights) = (train.targets, try Tensor(zeros: TensorType(.float32, [64])))
    // [examples], or [examples, steps] for sequences
    let weighted = try DataSet(features: features, targets: targets, sampleWeights: [weights])
    try await model.fit(weighted, metrics: [.sparseCategoricalAccuracy, .sparseCategoricalAccuracy.weighted()])
    try await model.fit(train, classWeight: [1: 20])
  }

  @Test func lossesOfTensors() throws {
    let runtime = Runtime.shared
    let (output, target, weights) = try tensors()
    let weighted = try runtime.evaluate([output, target, weights]) {
      [try Loss(.meanSquaredError)($0[0], target: $0[1], sampleWeight: $0[2])]
    }
    #expect(abs(try weighted[0].scalar() - (0.025 + 3 * 0.025) / 2) < 1e-6)
  }

  @Test func meters() throws {
    let (output, target, weights) = try tensors()
    var score = try Meter(.f1Score(average: .macro))
    try score.update(output, target: target)
    try score.update(output, target: target, sampleWeight: weights)
    print(try score.result().scalar())
    #expect(try score.result().scalar() == 1)
  }

  @Test func metricsOfAnEvaluation() throws {
    let model = model()
    let test = try digits().test
    let result = try model.evaluate(test, metrics: [.sparseTopKCategoricalAccuracy(k: 3)])
    print(result.accuracy ?? 0, result.metrics["sparse_top_k_categorical_accuracy"] ?? 0)
    #expect(result.metrics.count == 1)
  }

  @Test func optimizersAroundOptimizers() throws {
    let optimizer = Adam(learningRate: 0.002, weightDecay: 0.01, clipping: .globalNorm(1), amsgrad: true)
    let averaged = ExponentialMovingAverage(
      Scheduled(
        Adam(), by: .cosineDecay(initial: 0, steps: 1_000, warmupTarget: 0.001, warmupSteps: 100)),
      momentum: 0.99, overwriteFrequency: 500)
    try optimizer.check()
    try averaged.check()
  }

  @Test func configurations() throws {
    let read = try JSONDecoder().decode(
      AnyOptimizer.self,
      from: Data(
        """
        {"class_name": "Adam", "config": {"use_ema": true, "ema_momentum": 0.99, "learning_rate":
        {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.001, "decay_steps": 1000}}}}
        """.utf8))
    #expect((read.optimizer as? ExponentialMovingAverage)?.innerOptimizer is Scheduled)
  }

  struct SignDescent: Optimizer, Codable {
    var learningRate = 0.01
    var slots: [String] { [] }

    func update(
      _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
    ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
      let zero = try gradient.trace.constant(0, dtype: gradient.dtype)
      let rate = try schedule.rate.cast(to: variable.dtype)
      let moved = try zero.isLess(gradient).select(variable - rate, variable + rate)
      return (try schedule.apply.select(moved, variable), [])
    }
  }

  @Test func oneOfOnesOwn() async throws {
    OptimizerRegistry.register(SignDescent.self)
    let made = try AnyOptimizer(className: "SignDescent", configuration: ["learningRate": .number(0.003)]).optimizer
    let (train, test) = try digits()
    let history = try await model().fit(train, validation: test, epochs: 2, batch: 16, optimizer: made)
    #expect(history.epochs[1].loss < history.epochs[0].loss)
  }
}
