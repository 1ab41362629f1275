import Foundation
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Metrics of classes, outputs and thresholds against what Keras 3.15 gives.
@Suite struct ClassMetricTests {
  private static let runtime = Runtime.builtinOnly()

  private static let outputs = [[0.31, 0.62, 0.17], [0.88, 0.05, 0.43], [0.5, 0.77, 0.29], [0.12, 0.35, 0.94]]
  private static let targets = [[0.2, 0.7, 0.45], [0.91, 0.33, 0.08], [0.62, 0.15, 0.58], [0.4, 0.81, 0.27]]
  private static let hot: [[Double]] = [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1]]
  private static let labelHot: [[Double]] = [[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0]]
  private static let weights = [0.5, 0, 2, 1.5]

  struct Case: Sendable {
    var metric: Metric
    var target: [[Double]]
    var output: [[Double]]
    var weights: [Double]?
    var result: [Double]

    init(
      _ metric: Metric, _ target: [[Double]], _ output: [[Double]], weights: [Double]? = nil, _ result: Double...
    ) {
      (self.metric, self.target, self.output, self.weights, self.result) = (metric, target, output, weights, result)
    }
  }

  private static func column(_ values: [Double]) -> [[Double]] { values.map { [$0] } }

  static let cases = scores + overlaps + rates

  private static let scores: [Case] = [
    Case(.f1Score(), hot, outputs, 1, 0.5, 0.6666667), Case(.f1Score(average: .micro), hot, outputs, 0.6666667),
    Case(.f1Score(average: .macro), hot, outputs, 0.7222222),
    Case(.f1Score(average: .weighted), hot, outputs, 0.6666667),
    Case(.f1Score(average: .micro, threshold: 0.4), hot, outputs, 0.5454545),
    Case(.f1Score(average: .weighted, threshold: 0.4), hot, outputs, 0.5333333),
    Case(.fBetaScore(beta: 2, threshold: 0.4), hot, outputs, weights: weights, 0, 0.2380952, 0.4838710),
    Case(.fBetaScore(beta: 2, average: .micro, threshold: 0.4), hot, outputs, weights: weights, 0.3571429),
    Case(.fBetaScore(beta: 2, average: .macro, threshold: 0.4), hot, outputs, weights: weights, 0.2406554),
    Case(.fBetaScore(beta: 2, average: .weighted, threshold: 0.4), hot, outputs, weights: weights, 0.3944980),
    Case(.r2Score(), targets, outputs, -1.6376925),
    Case(.r2Score(nil), targets, outputs, 0.6198004, -1.3682055, -4.1646724),
    Case(.r2Score(.varianceWeighted), targets, outputs, -1.1480541),
    Case(.r2Score(regressors: 1), targets, outputs, -2.9565387),
    Case(.r2Score(), targets, outputs, weights: weights, -4.0396285),
    Case(.pearsonCorrelation, targets, outputs, 0.0156732), Case(.concordanceCorrelation, targets, outputs, 0.0228665),
    Case(.pearsonCorrelation, targets, outputs, weights: weights, -0.5211667),
  ]

  private static let classTargets = column([0, 0, 1, 1, 2, 2, 1])
  private static let classOutputs = column([0, 1, 1, 1, 2, 0, 2])
  private static let binaryTargets = column([0, 1, 0, 1, 1])
  private static let binaryOutputs = column([0.1, 0.2, 0.5, 0.7, 0.9])

  private static let overlaps: [Case] = [
    Case(.meanIoU(classes: 3), classTargets, classOutputs, 0.3888889),
    Case(.meanIoU(classes: 4), classTargets, classOutputs, 0.3888889),
    Case(.iou(ClassOverlap(classes: 3, targetClasses: [0, 2])), classTargets, classOutputs, 0.3333333),
    Case(.meanIoU(classes: 3), classTargets, classOutputs, weights: [1, 2, 3, 1, 1, 2, 1], 0.3404762),
    Case(.iou(ClassOverlap(classes: 3, ignoredClass: 1)), classTargets, classOutputs, 0.2777778),
    Case(.binaryIoU(), binaryTargets, binaryOutputs, 0.4166667),
    Case(.binaryIoU(targetClasses: [1], threshold: 0.3), binaryTargets, binaryOutputs, 0.5),
    Case(
      .iou(ClassOverlap(classes: 3, targetClasses: [0, 2], hasLabelTargets: false, hasLabelOutputs: false)), labelHot,
      outputs, 0.5),
    Case(
      .iou(ClassOverlap(classes: 3, hasLabelTargets: false, hasLabelOutputs: false)), labelHot, outputs, 0.4444444),
  ]

  private static let truths = column([0, 0, 0, 1, 1, 1, 0, 1])
  private static let guesses = column([0, 0.3, 0.8, 0.3, 0.5, 0.8, 0.1, 0.9])

  private static let rates: [Case] = [
    Case(.best(.precisionAtRecall, least: 0.5), truths, guesses, 0.75),
    Case(.best(.recallAtPrecision, least: 0.8), truths, guesses, 0.25),
    Case(.best(.sensitivityAtSpecificity, least: 0.5), truths, guesses, 1),
    Case(.best(.specificityAtSensitivity, least: 0.5), truths, guesses, 0.75),
    Case(
      .best(.specificityAtSensitivity, least: 0.9, thresholds: 5), truths, guesses, weights: [1, 2, 3, 4, 5, 6, 7, 8],
      0.6153846),
  ]

  private func tensor(_ rows: [[Double]]) throws -> Tensor {
    try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count], dtype: .float32)
  }

  private func result(_ example: Case, batches: Int) throws -> [Double] {
    var meter = try Meter(example.metric, on: Self.runtime)
    let size = example.output.count / batches
    for start in stride(from: 0, to: example.output.count, by: size) {
      let rows = start..<min(start + size, example.output.count)
      try meter.update(
        tensor(Array(example.output[rows])), target: tensor(Array(example.target[rows])),
        sampleWeight: try example.weights.map { try Tensor(Array($0[rows]), shape: [rows.count], dtype: .float32) })
    }
    return try meter.result().scalars()
  }

  @Test(arguments: cases.indices) func resultsAreThoseOfKeras(index: Int) throws {
    let example = Self.cases[index]
    for batches in [1, 2] {
      let found = try result(example, batches: batches)
      #expect(
        found.count == example.result.count && zip(found, example.result).allSatisfy { abs($0 - $1) < 1e-5 },
        "\(example.metric.name) in \(batches): \(found)")
    }
  }

  @Test(arguments: cases.indices) func configurationsSurvive(index: Int) throws {
    let metric = Self.cases[index].metric
    #expect(try JSONDecoder().decode(Metric.self, from: JSONEncoder().encode(metric)) == metric)
  }

  @Test func configurationsOfKerasAreRead() throws {
    func read(_ text: String) throws -> Metric { try JSONDecoder().decode(Metric.self, from: Data(text.utf8)) }
    let mean = try read(
      #"""
      {"class_name": "MeanIoU", "config": {"num_classes": 3, "name": "mean_io_u_4", "dtype": "int32",
      "ignore_class": null, "sparse_y_true": true, "sparse_y_pred": true, "axis": -1}}
      """#)
    #expect(mean == Metric(.iou(ClassOverlap(classes: 3)), name: "mean_io_u_4"))
    let score = try read(
      #"{"class_name": "FBetaScore", "config": {"dtype": "float64", "average": "macro", "beta": 2, "threshold": null}}"#
    )
    #expect(
      score == Metric(.fBetaScore(beta: 2, average: .macro, threshold: nil), name: "fbeta_score", dtype: .float64))
    #expect(
      try read(#"{"class_name": "R2Score", "config": {"class_aggregation": null}}"#).kind
        == .r2Score(nil, regressors: 0))
    #expect(try read(#"{"class_name": "R2Score"}"#).kind == .r2Score(.uniform, regressors: 0))
    #expect(
      try read(
        #"{"class_name": "PrecisionAtRecall", "config": {"class_id": null, "num_thresholds": 9, "recall": 0.5}}"#
      )
      .kind == .best(.precisionAtRecall, least: 0.5, thresholds: 9))
    #expect(try read(#"{"class_name": "LogCoshError"}"#) == .loss(.logCosh))
    #expect(throws: TrainingError.self) { try read(#"{"class_name": "F1Score", "config": {"average": "all"}}"#) }
    #expect(throws: TrainingError.self) { try read(#"{"class_name": "IoU", "config": {"num_classes": 3}}"#) }
    #expect(throws: TrainingError.self) {
      try read(#"{"class_name": "PrecisionAtRecall", "config": {"class_id": 2, "recall": 0.5}}"#)
    }
  }

  @Test func namesAreThoseOfKeras() {
    #expect(Metric.f1Score().name == "f1_score" && Metric.fBetaScore().name == "fbeta_score")
    #expect(Metric.meanIoU(classes: 2).name == "mean_io_u" && Metric.r2Score().name == "r2_score")
    #expect(Metric.loss(.logCosh).name == "logcosh")
  }

  @Test func whatCannotBeCountedIsATypedError() throws {
    for metric in [
      Metric.fBetaScore(beta: 0), .f1Score(threshold: 2), .r2Score(regressors: -1), .meanIoU(classes: 0),
      .iou(ClassOverlap(classes: 2, targetClasses: [2])), .best(.recallAtPrecision, least: 2),
    ] {
      #expect(throws: TrainingError.self, "\(metric.name)") { try Meter(metric) }
    }
    var meter = try Meter(.f1Score(), on: Self.runtime)
    try meter.update(tensor([[1, 0]]), target: tensor([[1, 0]]))
    #expect(throws: TrainingError.self) { try meter.update(tensor([[1, 0, 0]]), target: tensor([[1, 0, 0]])) }
    #expect(throws: (any Error).self) { try meter.update(tensor([[1, 0]]), target: tensor([[1], [0]])) }
    #expect(try meter.result().scalars() == [1, 0])
    #expect(try Meter(.r2Score(), on: Self.runtime).result().scalar() == 0)
  }
}
