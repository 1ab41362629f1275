import MezzoBackend
public import MezzoGraph
public import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// How well a model does on a data set: means over its examples.
public struct Evaluation: Sendable, Codable {
  public var loss: Double
  /// `nil` for losses without classes.
  public var accuracy: Double?
  /// By the names of the metrics that were asked for.
  public var metrics: [String: Double] = [:]
}

extension Model {
  /// The loss and the accuracy over `data`, without training. As in training, the loss includes what regularizers and layers
  /// add to it.
  ///
  /// - Parameter metrics: what else is taken of the outputs, each under its name.
  public func evaluate(
    _ data: DataSet, loss: Loss = .sparseCategoricalCrossentropy, metrics: [Metric] = [], batch: Int = 256
  ) throws -> Evaluation {
    try data.check(batch: 1, name: "test")
    if batch < 1 { throw TrainingError.invalidOption(name: "the batch", expected: "at least 1", found: "\(batch)") }
    func type(_ examples: Int) -> TensorType { TensorType(data.featureDType, [examples] + data.exampleShape) }
    try build(input: type(batch))
    var steps: [Int: EvaluationStep] = [:]
    var means = Means()
    var meters = try metrics.map { try Meter($0, on: runtime) }
    for start in stride(from: 0, to: data.count, by: batch) {
      let indices = Array(start..<min(start + batch, data.count))
      let step =
        try steps[indices.count]
        ?? EvaluationStep(
          self, features: type(indices.count),
          targets: TensorType(data.targets.dtype, [indices.count] + data.targets.shape.dropFirst()), loss: loss,
          givesOutput: !metrics.isEmpty)
      steps[indices.count] = step
      if start == 0 { try data.checkLabels(classes: step.classes) }
      let rows = try data.batch(indices[...])
      let outcome = try step.run(features: rows.features, targets: rows.targets)
      means.add(outcome.loss, outcome.accuracy, weight: indices.count)
      guard let output = outcome.output else { continue }
      for index in meters.indices { try meters[index].update(output, target: rows.targets) }
    }
    let results = try meters.map { ($0.metric.name, try $0.result().scalar()) }
    return Evaluation(
      loss: means.loss, accuracy: means.accuracy, metrics: Dictionary(results) { _, last in last })
  }

  /// The outputs for all of `features` `[examples, …]`, computed in batches.
  ///
  /// - Throws: `LayerError.nonFiniteInput` where a feature is infinite or NaN.
  public func predict(_ features: Tensor, batch: Int = 256) throws -> Tensor {
    guard let count = features.shape.first, count > 0 else { throw TrainingError.emptyDataSet(name: "prediction") }
    if batch < 1 { throw TrainingError.invalidOption(name: "the batch", expected: "at least 1", found: "\(batch)") }
    if features.dtype.isFloatingPoint {
      for (index, value) in features.scalars().enumerated() where !value.isFinite {
        throw LayerError.nonFiniteInput(index: index, value: "\(value)")
      }
    }
    var bytes: [UInt8] = []
    var type = TensorType(features.dtype, [])
    let width = features.byteCount / count
    for start in stride(from: 0, to: count, by: batch) {
      let rows = start..<min(start + batch, count)
      let part = try features.withUnsafeBytes { whole in
        try Tensor(
          bytes: whole[rows.lowerBound * width..<rows.upperBound * width],
          shape: [rows.count] + features.shape.dropFirst(), dtype: features.dtype)
      }
      let output = try self(part)
      type = output.type
      output.withUnsafeBytes { bytes += $0 }
    }
    return try Tensor(bytes: bytes, shape: [count] + type.shape.dropFirst(), dtype: type.dtype)
  }
}
