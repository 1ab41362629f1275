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
  /// By the names of the metrics that were asked for, those of outputs behind the first with the output's name in front; of a
  /// model of several outputs also the loss and the accuracy of each.
  public var metrics: [String: Double] = [:]
}

extension Model {
  /// The loss and the accuracy over `data`, without training. As in training, the loss includes what regularizers and layers
  /// add to it.
  ///
  /// - Parameters:
  ///   - moreLosses: of the outputs behind the first, where the model has several; by default `loss` for each.
  ///   - lossWeights: what the loss of each output is multiplied by; by default 1.
  ///   - metrics: what else is taken of the first output, each under its name.
  ///   - moreMetrics: of each output behind the first.
  public func evaluate(
    _ data: DataSet, loss: Loss = .sparseCategoricalCrossentropy, moreLosses: [Loss] = [],
    lossWeights: [Double] = [],
    metrics: [Metric] = [], moreMetrics: [[Metric]] = [], batch: Int = Model.evaluationBatch
  ) throws -> Evaluation {
    try data.check(batch: 1, name: "test")
    if batch < 1 {
      throw TrainingError.invalidOption(
        name: "the batch", expected: "at least 1", found: "\(batch)")
    }
    var evaluator = try Evaluator(
      self, TrainingObjective(loss: loss, moreLosses: moreLosses, lossWeights: lossWeights),
      MetricList(first: metrics, more: moreMetrics))
    try evaluator.begin(data.types(batch: min(batch, data.count)))
    for start in stride(from: 0, to: data.count, by: batch) {
      let indices = Array(start..<min(start + batch, data.count))
      try evaluator.add(try data.batch(indices[...])) { classes in
        if start == 0 { try data.checkLabels(classes: classes) }
      }
    }
    return try evaluator.result()
  }

  /// The same over batches that are made meanwhile.
  @concurrent
  public func evaluate(
    _ batches: BatchStream, loss: Loss = .sparseCategoricalCrossentropy, moreLosses: [Loss] = [],
    lossWeights: [Double] = [], metrics: [Metric] = [], moreMetrics: [[Metric]] = []
  ) async throws -> Evaluation {
    var evaluator = try Evaluator(
      self, TrainingObjective(loss: loss, moreLosses: moreLosses, lossWeights: lossWeights),
      MetricList(first: metrics, more: moreMetrics))
    return try await evaluator.evaluate(batches)
  }

  /// Examples of a batch where nobody says how many.
  public static var evaluationBatch: Int { 256 }

  /// The outputs for batches of features, each when it is asked for.
  ///
  /// ```swift
  /// for try await logits in model.predict(batches) { … }
  /// ```
  public func predict<Batches: AsyncSequence>(_ batches: Batches) -> AsyncThrowingMapSequence<Batches, Tensor>
  where Batches.Element == Tensor {
    batches.map { try self($0) }
  }

  /// The outputs of a model of several inputs or outputs for all examples, computed in batches.
  ///
  /// - Parameter inputs: each `[examples, …]`.
  /// - Throws: `LayerError.nonFiniteInput` where a feature is infinite or NaN; `TrainingError.countMismatch`.
  public func predict(_ inputs: Arguments<Tensor>, batch: Int = 256) throws -> Tree<Tensor> {
    let tensors = inputs.leaves.compactMap { $0 }
    guard let count = tensors.first?.shape.first, count > 0 else {
      throw TrainingError.emptyDataSet(name: "prediction")
    }
    if batch < 1 { throw TrainingError.invalidOption(name: "the batch", expected: "at least 1", found: "\(batch)") }
    for tensor in tensors {
      guard tensor.shape.first == count else {
        throw TrainingError.countMismatch(features: count, targets: tensor.shape.first ?? 0)
      }
      try tensor.requireFinite()
    }
    var parts: [Tree<Tensor>] = []
    for start in stride(from: 0, to: count, by: batch) {
      let rows = start..<min(start + batch, count)
      parts.append(try self(try inputs.map { try TrainingBatch.rows(rows, of: $0) }))
    }
    let leaves = parts.map { $0.leaves.compactMap { $0 } }
    var place = -1
    return try parts[0].map { _ in
      place += 1
      return try TrainingBatch.joined(leaves.map { $0[place] })
    }
  }

  /// The outputs for all of `features` `[examples, …]`, computed in batches.
  ///
  /// - Throws: `LayerError.nonFiniteInput` where a feature is infinite or NaN.
  public func predict(_ features: Tensor, batch: Int = 256) throws -> Tensor {
    let outputs = try predict(Arguments(.tensor(features)), batch: batch)
    guard let output = outputs.tensor else {
      throw LayerError.outputs(layer: layer.name ?? "", found: "\(outputs.leaves.count) in a structure")
    }
    return output
  }
}

extension Tensor {
  fileprivate func requireFinite() throws(LayerError) {
    guard dtype.isFloatingPoint else { return }
    for (index, value) in scalars().enumerated() where !value.isFinite {
      throw .nonFiniteInput(index: index, value: "\(value)")
    }
  }
}

/// Evaluates a model as often as wanted, with the weights that it has when an evaluation begins; plans are made once.
struct Evaluator {
  private let model: Model
  private let objective: TrainingObjective
  private var steps = RecentlyUsed<BatchStream.Types, EvaluationStep>(limit: Trainer.planLimit)
  private let shown: Set<Int>
  private var measures: RunningMeasures
  private var weights = Variables()

  init(_ model: Model, _ objective: TrainingObjective, _ metrics: MetricList) throws {
    self.model = model
    self.objective = objective
    shown = metrics.outputs
    measures = try RunningMeasures(metrics, on: model.runtime)
  }

  mutating func evaluate(_ batches: BatchStream) async throws -> Evaluation {
    var hasBegun = false
    for try await batch in batches {
      if !hasBegun { try begin(batch.types) }
      hasBegun = true
      try add(batch) { try batch.check(classes: $0) }
    }
    if !hasBegun { throw TrainingError.emptyDataSet(name: "validation") }
    return try result()
  }

  /// Builds the model, if it is not built.
  mutating func begin(_ types: BatchStream.Types) throws {
    try model.build(inputs: types.arguments)
    weights = try model.variables
    try measures.reset()
  }

  /// - Parameter check: of the labels, with the number of classes.
  mutating func add(_ batch: TrainingBatch, check: (Int?) throws -> Void) throws {
    let step = try step(batch.types)
    try check(step.classes)
    try measures.name(outputs: step.results.outputNames)
    let (loss, results) = try step.run(batch, weights: weights)
    try measures.add(loss, [results], of: [batch])
  }

  private mutating func step(_ types: BatchStream.Types) throws -> EvaluationStep {
    if let known = steps[types] { return known }
    let new = try EvaluationStep(model, types, objective, shown: shown)
    steps[types] = new
    return new
  }

  mutating func result() throws -> Evaluation {
    // What is kept until the next evaluation would keep the weights of this one.
    weights = Variables()
    return Evaluation(
      loss: measures.means.loss, accuracy: measures.means.accuracy, metrics: try measures.metrics)
  }
}
