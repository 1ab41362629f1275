import MezzoBackend
import MezzoCheckpoint
import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a model of Keras was compiled to make small and to measure, output by output in the order of the model's outputs.
///
/// ```swift
/// let saved = try KerasTraining("classifier.keras")
/// let objective = try saved.objective()
/// let result = try saved.model.evaluate(data, loss: objective.loss, metrics: objective.metrics)
/// ```
public struct KerasObjective: Sendable, Hashable {
  /// Of the first output.
  public var loss: Loss
  /// Of each output behind the first.
  public var moreLosses: [Loss] = []
  /// One for each output, or none: 1.
  public var lossWeights: [Double] = []
  /// Of the first output. Accuracy is among them where the loss does not give it by itself.
  public var metrics: [Metric] = []
  /// Of each output behind the first; none where none has any.
  public var moreMetrics: [[Metric]] = []

  /// - Parameters:
  ///   - compiled: the `compile_config` of a `.keras` file.
  ///   - outputs: of the model, by the names that Keras gives them.
  init(_ compiled: JSONValue?, outputs: [KerasSaved.Output], path: String) throws {
    let read = CompiledReader(outputs: outputs, path: path)
    guard let written = compiled?["loss"] else {
      throw read.malformed("the model was compiled without a loss, or not at all")
    }
    let losses = try read.byOutput(written, "the loss").map { value -> Loss in
      guard let value else { throw read.malformed("one of its outputs has no loss") }
      return try read.loss(value)
    }
    loss = losses[0]
    moreLosses = Array(losses.dropFirst())
    if let weights = compiled?["loss_weights"] {
      lossWeights = try read.byOutput(weights, "the weights of the losses").map { value in
        guard let number = value.map({ $0.number }) ?? 1 else {
          throw read.malformed("the weights of the losses are no numbers")
        }
        return number
      }
    }
    var all = try read.metrics(compiled?["metrics"], losses)
    for (index, weighted) in try read.metrics(compiled?["weighted_metrics"], losses).enumerated() {
      // As in Keras, the names differ only where they have to.
      all[index] += weighted.map { metric in
        metric.weighted(name: all[index].contains { $0.name == metric.name } ? nil : metric.name)
      }
    }
    metrics = all[0]
    moreMetrics = all.dropFirst().allSatisfy(\.isEmpty) ? [] : Array(all.dropFirst())
  }
}

/// Takes apart what `compile` of Keras was given.
private struct CompiledReader {
  let outputs: [KerasSaved.Output]
  let path: String

  func malformed(_ reason: String) -> TrainingError { .malformedCheckpoint(path: path, reason: reason) }

  /// One value for each output, of one for all of them, an array or an object by their names.
  func byOutput(_ value: JSONValue, _ what: String) throws(TrainingError) -> [JSONValue?] {
    func known(_ value: JSONValue) -> JSONValue? { if case .null = value { nil } else { value } }
    switch value {
    case .array(let values):
      guard values.count == outputs.count else {
        throw malformed("\(what) of \(values.count) outputs was compiled, expected \(outputs.count)")
      }
      return values.map(known)
    case .object(let members) where value["class_name"] == nil:
      let names = outputs.map(\.name)
      if let other = members.first(where: { !names.contains($0.name) }) {
        throw malformed("\(what) of the output \(other.name) was compiled, expected one of \(names)")
      }
      return names.map { value[$0] }
    default: return outputs.map { _ in value }
    }
  }

  /// The metrics of each output.
  func metrics(_ value: JSONValue?, _ losses: [Loss]) throws -> [[Metric]] {
    guard let value else { return outputs.map { _ in [] } }
    // Of the only output, a list is all that is measured.
    let lists =
      outputs.count == 1 && value.array?.contains { $0.array != nil } == false
      ? [value] : try byOutput(value, "the metrics")
    return try lists.enumerated().map { index, value in
      try (value?.array ?? value.map { [$0] } ?? []).compactMap { try metric($0, losses[index], outputs[index].type) }
    }
  }

  func loss(_ value: JSONValue) throws -> Loss {
    guard let name = Self.functionName(value) else { return try decoded(value) }
    var configuration = ClassConfiguration(Self.className(name), [:])
    guard let function = try LossFunction(&configuration) else { throw TrainingError.unknownLoss(name: name) }
    return Loss(function)
  }

  /// - Returns: nil for the accuracy of a loss that gives it.
  private func metric(_ value: JSONValue, _ loss: Loss, _ output: TensorType) throws -> Metric? {
    guard let name = Self.functionName(value) else { return try decoded(value) }
    if name == "accuracy" || name == "acc" {
      if loss.givesAccuracy { return nil }
      // Keras looks at the shapes: labels have been told by the loss.
      return Metric(output.shape.last == 1 ? .binaryAccuracy(threshold: 0.5) : .categoricalAccuracy, name: name)
    }
    let members: [String: ConfigurationValue] = [
      "class_name": .string(Self.className(name)), "config": .object(["name": .string(name)]),
    ]
    do {
      return try JSONDecoder().decode(Metric.self, from: try JSONEncoder().encode(members))
    } catch TrainingError.unknownMetric {
      throw TrainingError.unknownMetric(name: name)
    }
  }

  private func decoded<Value: Decodable>(_ value: JSONValue) throws -> Value {
    let members = ["class_name", "config"].reduce(into: [String: ConfigurationValue]()) {
      $0[$1] = value[$1]?.configuration
    }
    do {
      return try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(members))
    } catch let error as DecodingError {
      throw malformed("what it was compiled with cannot be read (\(error))")
    }
  }

  /// `"mse"`, or what Keras writes for a function.
  private static func functionName(_ value: JSONValue) -> String? {
    value.string ?? (value["class_name"]?.string == "function" ? value["config"]?.string : nil)
  }

  private static let aliases = [
    "bce": "BinaryCrossentropy", "kld": "KLDivergence", "kl_divergence": "KLDivergence", "mae": "MeanAbsoluteError",
    "mape": "MeanAbsolutePercentageError", "mse": "MeanSquaredError", "msle": "MeanSquaredLogarithmicError",
    "ctc": "CTC", "auc": "AUC", "logcosh": "LogCosh", "io_u": "IoU", "mean_io_u": "MeanIoU",
  ]

  /// `MeanSquaredError` of `mean_squared_error`.
  private static func className(_ name: String) -> String {
    aliases[name.lowercased()]
      ?? name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}

extension Loss {
  /// Whether training measures accuracy with it.
  fileprivate var givesAccuracy: Bool {
    switch function {
    case .sparseCategoricalCrossentropy, .categoricalGeneralizedCrossEntropy, .categoricalCrossentropy,
      .categoricalFocalCrossentropy, .binaryCrossentropy, .binaryFocalCrossentropy:
      true
    default: false
    }
  }
}
