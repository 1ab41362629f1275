import MezzoBackend
import MezzoGraph
public import MezzoLayers
import MezzoPolicy
import MezzoRuntime

extension Model {
  /// Trains the model, on the cooperative pool and not on the caller's actor.
  ///
  /// The same seeds, data, policies and backends give the same weights bit for bit. Cancelling the task ends the training
  /// between two steps; the weights reached so far stay in the model.
  ///
  /// ```swift
  /// let history = try await model.fit(train, validation: test, epochs: 5, batch: 128, optimizer: .adam())
  /// ```
  /// - Parameters:
  ///   - validation: what is evaluated after each epoch.
  ///   - validationSplit: in the place of `validation`: the share of `data`, its last examples, that is not trained on but
  ///     evaluated after each epoch.
  ///   - batch: examples in a step; the last step of an epoch takes what is left.
  ///   - accumulating: batches whose gradients are summed for one update, which then is that of one batch of all their
  ///     examples; the last of an epoch takes what is left. If the gradients of one batch are not finite, the whole update
  ///     is skipped.
  ///   - optimizer: a ``LossScaleOptimizer`` scales the loss as it says.
  ///   - loss: what is made small; of a model of several outputs, the sum of the losses of all, and the first one's is `loss`.
  ///   - moreLosses: of the outputs behind the first; by default `loss` for each.
  ///   - lossWeights: what the loss of each output is multiplied by; by default 1.
  ///   - classWeight: what the examples of each class count in the loss of the training data; of classes that are not there, 1.
  ///   - metrics: what else is taken of the first output, in training and in validation.
  ///   - moreMetrics: of each output behind the first, with the output's name in front.
  ///   - scaling: loss scaling; `automatic` is right for every policy, and goes on from the scale and the count of the
  ///     last training of the model, also of one that was loaded.
  ///   - seed: of the order of the examples and of random layers.
  ///   - callbacks: called in their order; see ``TrainingCallback``.
  ///   - resuming: the file of a checkpoint, as ``ModelCheckpoint`` writes it, from which the training goes on, bit for bit
  ///     as if it had not ended. Where there is no such file, it begins at the beginning.
  ///   - state: what the optimizer kept in a training elsewhere, such as ``KerasTraining`` reads.
  ///   - progress: called after every step.
  /// - Throws: `TrainingError`, `LayerError`, `GraphError` or `RuntimeError`, naming the layer where there is one.
  @concurrent
  @discardableResult
  public func fit(
    _ data: DataSet, validation: DataSet? = nil, validationSplit: Double? = nil, epochs: Int = 1,
    batch: Int = 32,
    accumulating: Int = 1, optimizer: any Optimizer = .adam(),
    loss: Loss = .sparseCategoricalCrossentropy,
    moreLosses: [Loss] = [], lossWeights: [Double] = [], classWeight: [Int: Double]? = nil,
    metrics: [Metric] = [],
    moreMetrics: [[Metric]] = [], scaling: LossScaling = .automatic, seed: UInt64 = 0,
    callbacks: [any TrainingCallback] = [], resuming: String? = nil,
    from state: OptimizerState? = nil, progress: (@Sendable (TrainingProgress) -> Void)? = nil
  ) async throws -> History {
    var (data, validation) = (data, validation)
    if let validationSplit {
      guard validation == nil else {
        throw TrainingError.invalidOption(
          name: "validation", expected: "data or a share of the training data", found: "both")
      }
      (data, validation) = try data.split(validation: validationSplit)
    }
    if let classWeight { data = try data.weighted(byClass: classWeight) }
    try data.check(batch: batch, name: "training")
    if let validation {
      try validation.check(batch: 1, name: "validation")
      guard validation.exampleShape == data.exampleShape else {
        throw TrainingError.exampleShape(expected: data.exampleShape, found: validation.exampleShape)
      }
    }
    var settings = TrainingSettings(
      epochs: epochs, accumulating: accumulating, optimizer: optimizer,
      objective: TrainingObjective(loss: loss, moreLosses: moreLosses, lossWeights: lossWeights),
      metrics: MetricList(first: metrics, more: moreMetrics), scaling: scaling, seed: seed,
      resuming: resuming, state: state)
    settings.check = { [data, validation] classes throws(TrainingError) in
      try data.checkLabels(classes: classes)
      try validation?.checkLabels(classes: classes)
    }
    return try await fit(
      data.batches(of: batch, shuffledBy: seed), validation: validation?.batches(of: Self.evaluationBatch), settings,
      callbacks + ProgressHandler.list(progress))
  }

  /// Trains the model on batches that are made while it trains.
  ///
  /// - Parameters:
  ///   - batches: made anew in each epoch; a stream without end needs ``BatchStream/prefix(_:)``.
  ///   - validation: likewise, what is evaluated after each epoch.
  ///   - seed: of random layers; streams shuffle by seeds of their own.
  @concurrent
  @discardableResult
  public func fit(
    _ batches: BatchStream, validation: BatchStream? = nil, epochs: Int = 1, accumulating: Int = 1,
    optimizer: any Optimizer = .adam(), loss: Loss = .sparseCategoricalCrossentropy,
    moreLosses: [Loss] = [],
    lossWeights: [Double] = [], classWeight: [Int: Double]? = nil, metrics: [Metric] = [],
    moreMetrics: [[Metric]] = [], scaling: LossScaling = .automatic, seed: UInt64 = 0,
    callbacks: [any TrainingCallback] = [], resuming: String? = nil,
    from state: OptimizerState? = nil, progress: (@Sendable (TrainingProgress) -> Void)? = nil
  ) async throws -> History {
    try await fit(
      classWeight.map { batches.weighted(byClass: $0) } ?? batches, validation: validation,
      TrainingSettings(
        epochs: epochs, accumulating: accumulating, optimizer: optimizer,
        objective: TrainingObjective(loss: loss, moreLosses: moreLosses, lossWeights: lossWeights),
        metrics: MetricList(first: metrics, more: moreMetrics), scaling: scaling, seed: seed,
        resuming: resuming, state: state),
      callbacks + ProgressHandler.list(progress))
  }

  @concurrent
  private func fit(
    _ batches: BatchStream, validation: BatchStream?, _ settings: TrainingSettings,
    _ callbacks: [any TrainingCallback]
  ) async throws -> History {
    if settings.epochs < 1 {
      throw TrainingError.invalidOption(name: "epochs", expected: "at least 1", found: "\(settings.epochs)")
    }
    guard settings.accumulating >= 1 else {
      throw TrainingError.invalidOption(
        name: "accumulating", expected: "at least 1", found: "\(settings.accumulating)")
    }
    var run = try await TrainingRun(self, batches, validation, settings, callbacks)
    return try await run.train()
  }
}

/// A closure as a callback.
private struct ProgressHandler: TrainingCallback {
  let handle: @Sendable (TrainingProgress) -> Void

  static func list(_ handle: (@Sendable (TrainingProgress) -> Void)?) -> [any TrainingCallback] {
    handle.map { [ProgressHandler(handle: $0)] } ?? []
  }

  mutating func onTrainBatchEnd(_ training: inout TrainingSession) { handle(training.progress) }
}

extension DataSet {
  /// - Parameter classes: of the model's output; `nil` where the loss knows no classes.
  func checkLabels(classes: Int?) throws(TrainingError) {
    guard let classes, targets.dtype == .int32 else { return }
    for (index, label) in targets.scalars().enumerated() where !(0..<Double(classes)).contains(label) {
      throw .labelOutOfRange(label: Int(label), index: index, classes: classes)
    }
  }

  func check(batch: Int, name: String) throws(TrainingError) {
    if count == 0 { throw .emptyDataSet(name: name) }
    if batch < 1 { throw .invalidOption(name: "the batch", expected: "at least 1", found: "\(batch)") }
    if batch > count { throw .batchTooLarge(batch: batch, examples: count) }
  }
}
