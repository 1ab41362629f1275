import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Metrics against the examples of Keras's documentation, and over several batches.
@Suite struct MeterTests {
  private let runtime = Runtime.builtinOnly()

  struct Example: Sendable {
    var metric: Metric
    var target: [[Double]]?
    var output: [[Double]]
    var result: Double
    var weights: [Double]?
    var weighted: Double = 0
  }

  private static let classes: [[Double]] = [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]
  private static let column: [[Double]] = [[0], [1], [1], [1]]

  static let examples = [
    Example(metric: .mean(), output: [[1], [3], [5], [7]], result: 4, weights: [1, 1, 0, 0], weighted: 2),
    Example(metric: .sum(), output: [[1], [3], [5], [7]], result: 16, weights: [1, 1, 0, 0], weighted: 4),
    Example(
      metric: .accuracy, target: [[1], [2], [3], [4]], output: [[0], [2], [3], [4]], result: 0.75,
      weights: [1, 1, 0, 0], weighted: 0.5),
    Example(
      metric: .binaryAccuracy(), target: [[1], [1], [0], [0]], output: [[0.98], [1], [0], [0.6]], result: 0.75,
      weights: [1, 0, 0, 1], weighted: 0.5),
    Example(
      metric: .categoricalAccuracy, target: [[0, 0, 1], [0, 1, 0]], output: classes, result: 0.5, weights: [0.7, 0.3],
      weighted: 0.3),
    Example(
      metric: .topKCategoricalAccuracy(k: 1), target: [[0, 0, 1], [0, 1, 0]], output: classes, result: 0.5,
      weights: [0.7, 0.3], weighted: 0.3),
    Example(metric: .topKCategoricalAccuracy(k: 2), target: [[0, 0, 1], [0, 1, 0]], output: classes, result: 1),
    Example(
      metric: .cosineSimilarity, target: [[0, 1], [1, 1]], output: [[1, 0], [1, 1]], result: 0.5, weights: [0.3, 0.7],
      weighted: 0.7),
    Example(
      metric: .rootMeanSquaredError, target: [[0, 1], [0, 0]], output: [[1, 1], [0, 0]], result: 0.5, weights: [1, 0],
      weighted: 0.5.squareRoot()),
    Example(
      metric: .loss(.meanAbsoluteError), target: [[0, 1], [0, 0]], output: [[1, 1], [0, 0]], result: 0.25,
      weights: [1, 0], weighted: 0.5),
    Example(
      metric: .precision(), target: column, output: [[1], [0], [1], [1]], result: 2.0 / 3, weights: [0, 0, 1, 0],
      weighted: 1),
    Example(
      metric: .recall(), target: column, output: [[1], [0], [1], [1]], result: 2.0 / 3, weights: [0, 0, 1, 0],
      weighted: 1),
    Example(
      metric: Metric(.truePositives(threshold: 0.5)), target: column, output: [[1], [0], [1], [1]], result: 2,
      weights: [0, 0, 1, 0], weighted: 1),
    Example(
      metric: Metric(.falsePositives(threshold: 0.5)), target: [[0], [1], [0], [0]], output: [[0], [0], [1], [1]],
      result: 2, weights: [0, 0, 1, 0], weighted: 1),
    Example(
      metric: Metric(.falseNegatives(threshold: 0.5)), target: column, output: [[0], [1], [0], [0]], result: 2,
      weights: [0, 0, 1, 0], weighted: 1),
    Example(
      metric: Metric(.trueNegatives(threshold: 0.5)), target: [[0], [1], [0], [0]], output: [[1], [1], [0], [0]],
      result: 2, weights: [0, 0, 1, 0], weighted: 1),
    Example(
      metric: .auc(thresholds: 3), target: [[0], [0], [1], [1]], output: [[0], [0.5], [0.3], [0.9]], result: 0.75,
      weights: [1, 0, 0, 1], weighted: 1),
    Example(
      metric: .auc(.precisionRecall, thresholds: 3), target: [[0], [0], [1], [1]], output: [[0], [0.5], [0.3], [0.9]],
      result: 0.8206993734577657),
    Example(
      metric: .auc(.precisionRecall), target: [[0], [0], [1], [1], [1], [0]],
      output: [[0.1], [0.5], [0.3], [0.9], [0.7], [0.6]], result: 0.8512376324571935),
  ]

  private func tensor(_ rows: [[Double]], _ dtype: DType = .float32) throws -> Tensor {
    try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count], dtype: dtype)
  }

  @Test(arguments: examples.indices) func theExamplesOfKerasHold(index: Int) throws {
    let example = Self.examples[index]
    for dtype in [DType.float32, .float64] {
      var metric = example.metric
      metric.dtype = dtype
      var meter = try Meter(metric, on: runtime)
      let (output, target) = (try tensor(example.output), try example.target.map { try tensor($0) })
      try meter.update(output, target: target)
      #expect(abs(try meter.result().scalar() - example.result) < 2e-6, "\(metric.name)")
      #expect(try meter.result().dtype == dtype)
      #expect(meter.state.allSatisfy { $0.dtype == dtype })
      guard let weights = example.weights else { continue }
      try meter.reset()
      try meter.update(output, target: target, sampleWeight: Tensor(weights, shape: [weights.count], dtype: .float32))
      #expect(abs(try meter.result().scalar() - example.weighted) < 2e-6, "\(metric.name)")
    }
  }

  /// Batch by batch is the same as all at once.
  @Test(arguments: examples.indices) func batchesAddUp(index: Int) throws {
    let example = Self.examples[index]
    var meter = try Meter(example.metric, on: runtime)
    for row in example.output.indices {
      try meter.update(tensor([example.output[row]]), target: try example.target.map { try tensor([$0[row]]) })
    }
    #expect(abs(try meter.result().scalar() - example.result) < 2e-6, "\(example.metric.name)")
  }

  @Test func labelsNameClasses() throws {
    let labels = try Tensor([2, 1], shape: [2], dtype: .int32)
    for (metric, expected) in [
      (Metric.sparseCategoricalAccuracy, 0.5), (.sparseTopKCategoricalAccuracy(k: 1), 0.5),
      (.sparseTopKCategoricalAccuracy(k: 2), 1), (.sparseTopKCategoricalAccuracy(k: 9), 1),
    ] {
      var meter = try Meter(metric, on: runtime)
      try meter.update(tensor(Self.classes), target: labels)
      #expect(try meter.result().scalar() == expected)
    }
  }

  @Test func nothingSeenIsZero() throws {
    for example in Self.examples {
      #expect(try Meter(example.metric, on: runtime).result().scalar() == 0)
    }
  }

  @Test func aMetricCountsInTheDTypeOfVariablesButAtLeastInFloat32() {
    for (policy, dtype) in [
      (DTypePolicy.float16, DType.float32), (.mixedFloat16, .float32), (.bfloat16, .float32), (.float64, .float64),
    ] {
      #expect(withPolicy(policy) { Metric.accuracy.dtype } == dtype)
    }
    withPolicyEnvironment(PolicyEnvironment(dialect: .keras3)) {
      #expect(withPolicy(.float64) { Metric.accuracy.dtype } == .float32)
    }
  }

  @Test func whatCannotBeCountedIsATypedError() throws {
    #expect(throws: TrainingError.self) { try Meter(.mean(dtype: .int32)) }
    #expect(throws: TrainingError.self) { try Meter(.auc(thresholds: 1)) }
    var meter = try Meter(.binaryAccuracy(), on: runtime)
    #expect(throws: TrainingError.self) { try meter.update(tensor([[1]])) }
    #expect(throws: GraphError.self) { try meter.update(tensor([[1, 2]]), target: tensor([[1], [2]])) }
    #expect(try meter.result().scalar() == 0)
  }

  @Test(arguments: examples.indices) func configurationsSurvive(index: Int) throws {
    let metric = Self.examples[index].metric
    #expect(try JSONDecoder().decode(Metric.self, from: JSONEncoder().encode(metric)) == metric)
  }

  @Test func configurationsOfKerasAreRead() throws {
    func read(_ text: String) throws -> Metric { try JSONDecoder().decode(Metric.self, from: Data(text.utf8)) }
    #expect(
      try read(#"{"class_name": "BinaryAccuracy", "config": {"name": "hits", "dtype": "float64", "threshold": 0.25}}"#)
        == Metric(.binaryAccuracy(threshold: 0.25), name: "hits", dtype: .float64))
    #expect(try read(#"{"class_name": "MeanSquaredError"}"#).kind == .loss(.meanSquaredError))
    #expect(throws: TrainingError.unknownMetric(name: "Vibes")) { try read(#"{"class_name": "Vibes"}"#) }
    #expect(throws: TrainingError.self) { try read(#"{"class_name": "AUC", "config": {"curve": "ABC"}}"#) }
    #expect(Metric.auc().name == "auc")
    #expect(Metric.topKCategoricalAccuracy().name == "top_k_categorical_accuracy")
  }
}
