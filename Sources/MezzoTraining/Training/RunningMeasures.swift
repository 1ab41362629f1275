import MezzoGraph
import MezzoLayers
import MezzoRuntime

/// The metrics of a training or an evaluation.
struct MetricList: Sendable {
  /// Of the first output.
  var first: [Metric] = []
  /// Of each output behind the first.
  var more: [[Metric]] = []

  /// The outputs that any of them sees.
  var outputs: Set<Int> { Set(([first] + more).enumerated().filter { !$1.isEmpty }.map(\.offset)) }
}

/// What is measured over the batches of an epoch: means of the loss and other measures, and metrics.
struct RunningMeasures {
  private(set) var means = Means()
  private(set) var meters: [Meter]
  /// The output that each meter sees.
  private let outputs: [Int]
  /// Of the model, once a step knows them: in front of the metrics of outputs behind the first.
  var outputNames: [String] = []

  init(_ metrics: MetricList, on runtime: Runtime) throws {
    let all = ([metrics.first] + metrics.more).enumerated().flatMap { output, metrics in
      metrics.map { (output, $0) }
    }
    outputs = all.map(\.0)
    meters = try all.map { try Meter($0.1, on: runtime) }
  }

  /// - Throws: `TrainingError.invalidOption` for metrics of more outputs than there are.
  mutating func name(outputs names: [String]) throws(TrainingError) {
    guard outputs.allSatisfy({ $0 < names.count }) else {
      throw .invalidOption(
        name: "the metrics",
        expected: "a list for each output behind the first, of which there are \(names.count - 1)",
        found: "\(outputs.max() ?? 0)")
    }
    outputNames = names
  }

  /// Takes in a batch, or several that make one update and have one loss.
  mutating func add(_ loss: Double, _ results: [BatchResults], of batches: [TrainingBatch]) throws {
    means.add(
      Measure(
        name: Means.lossName, value: loss, weight: Double(batches.reduce(0) { $0 + $1.examples })))
    for (results, batch) in zip(results, batches) {
      for measure in results.measures { means.add(measure) }
      for index in meters.indices {
        guard let shown = results.shown[outputs[index]] else { continue }
        let target = try batch.target(of: outputs[index])
        try meters[index].update(
          shown.tensor, target: target.tensor,
          sampleWeight: meters[index].metric.isWeighted ? target.weight : nil,
          mask: shown.mask)
      }
    }
  }

  mutating func reset() throws {
    means = Means()
    for index in meters.indices { try meters[index].reset() }
  }

  /// By the names of the metrics, and with several outputs the measures of each.
  var metrics: [String: Double] {
    get throws {
      var results = means.others
      for (output, meter) in zip(outputs, meters) {
        let prefix =
          output > 0 && outputNames.indices.contains(output) ? "\(outputNames[output])_" : ""
        results[prefix + meter.metric.name] = try meter.result().scalar()
      }
      return results
    }
  }

  /// `loss`, `accuracy` where there is one, and the metrics.
  var logs: [String: Double] {
    get throws {
      var logs = try metrics
      logs[Means.lossName] = means.loss
      logs[Means.accuracyName] = means.accuracy ?? logs[Means.accuracyName]
      return logs
    }
  }

  /// The sums of the metrics, for a checkpoint.
  var states: [[Tensor]] { meters.map(\.state) }

  /// Goes on from what another one had.
  mutating func restore(_ means: Means, _ states: [[Tensor]]) {
    self.means = means
    for (index, state) in states.enumerated() { meters[index].state = state }
  }
}

/// Means over examples, of batches of different sizes.
struct Means: Sendable {
  private struct Sum: Codable, Sendable {
    var value = 0.0
    var weight = 0.0

    var mean: Double { value / weight }
  }

  private var sums: [String: Sum] = [:]

  static let lossName = "loss"
  static let accuracyName = "accuracy"

  var isEmpty: Bool { sums[Self.lossName] == nil }
  var loss: Double { sums[Self.lossName]?.mean ?? .nan }
  var accuracy: Double? { sums[Self.accuracyName]?.mean }
  /// Those that are neither.
  var others: [String: Double] {
    sums.filter { $0.key != Self.lossName && $0.key != Self.accuracyName }.mapValues(\.mean)
  }

  mutating func add(_ measure: Measure) {
    // A batch of which nothing counts says nothing.
    guard measure.weight > 0 else { return }
    sums[measure.name, default: Sum()].value += measure.value * measure.weight
    sums[measure.name]?.weight += measure.weight
  }
}

extension Means: Codable {
  /// Of checkpoints from before there were several outputs.
  private enum OlderKey: String, CodingKey { case lossSum, accuracySum, weight, hasAccuracy }

  init(from decoder: any Decoder) throws {
    let older = try decoder.container(keyedBy: OlderKey.self)
    guard let lossSum = try? older.decodeIfPresent(Double.self, forKey: .lossSum) else {
      sums = try [String: Sum](from: decoder)
      return
    }
    let weight = try older.decode(Double.self, forKey: .weight)
    if weight > 0 { sums[Self.lossName] = Sum(value: lossSum, weight: weight) }
    if try older.decode(Bool.self, forKey: .hasAccuracy) {
      sums[Self.accuracyName] = Sum(
        value: try older.decode(Double.self, forKey: .accuracySum), weight: weight)
    }
  }

  func encode(to encoder: any Encoder) throws { try sums.encode(to: encoder) }
}
