import MezzoGraph
import MezzoLayers
import MezzoRuntime

/// What is measured over the batches of an epoch: means of loss and accuracy, and metrics.
struct RunningMeasures {
  private(set) var means = Means()
  private(set) var meters: [Meter]

  init(_ metrics: [Metric], on runtime: Runtime) throws { meters = try metrics.map { try Meter($0, on: runtime) } }

  mutating func add(_ loss: Double, _ accuracy: Double?, weight: Int) { means.add(loss, accuracy, weight: weight) }

  mutating func add(_ output: Tensor, target: Tensor) throws {
    for index in meters.indices { try meters[index].update(output, target: target) }
  }

  mutating func reset() throws {
    means = Means()
    for index in meters.indices { try meters[index].reset() }
  }

  /// By the names of the metrics.
  var metrics: [String: Double] {
    get throws {
      let results = try meters.map { ($0.metric.name, try $0.result().scalar()) }
      return Dictionary(results) { _, last in last }
    }
  }

  /// `loss`, `accuracy` where there is one, and the metrics.
  var logs: [String: Double] {
    get throws {
      var logs = try metrics
      logs["loss"] = means.loss
      logs["accuracy"] = means.accuracy ?? logs["accuracy"]
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
struct Means: Codable, Sendable {
  private var lossSum = 0.0
  private var accuracySum = 0.0
  private var weight = 0.0
  private var hasAccuracy = false

  var isEmpty: Bool { weight == 0 }
  var loss: Double { weight == 0 ? .nan : lossSum / weight }
  var accuracy: Double? { hasAccuracy && weight > 0 ? accuracySum / weight : nil }

  mutating func add(_ loss: Double, _ accuracy: Double?, weight: Int) {
    lossSum += loss * Double(weight)
    accuracySum += (accuracy ?? 0) * Double(weight)
    self.weight += Double(weight)
    hasAccuracy = hasAccuracy || accuracy != nil
  }
}
