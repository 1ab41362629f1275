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
  ///   - batch: examples in a step; the last step of an epoch takes what is left.
  ///   - accumulating: batches whose gradients are summed for one update, which then is that of one batch of all their
  ///     examples; the last of an epoch takes what is left. If the gradients of one batch are not finite, the whole update
  ///     is skipped.
  ///   - optimizer: a ``LossScaleOptimizer`` scales the loss as it says.
  ///   - scaling: loss scaling; `automatic` is right for every policy, and goes on from the scale and the count of the
  ///     last training of the model, also of one that was loaded.
  ///   - seed: of the order of the examples and of random layers.
  ///   - progress: called after every step.
  /// - Throws: `TrainingError`, `LayerError`, `GraphError` or `RuntimeError`, naming the layer where there is one.
  @concurrent
  @discardableResult
  public func fit(
    _ data: DataSet, validation: DataSet? = nil, epochs: Int = 1, batch: Int = 32, accumulating: Int = 1,
    optimizer: any Optimizer = .adam(), loss: Loss = .sparseCategoricalCrossentropy,
    scaling: LossScaling = .automatic, seed: UInt64 = 0, progress: (@Sendable (TrainingProgress) -> Void)? = nil
  ) async throws -> History {
    try data.check(batch: batch, name: "training")
    if epochs < 1 { throw TrainingError.invalidOption(name: "epochs", expected: "at least 1", found: "\(epochs)") }
    guard accumulating >= 1 else {
      throw TrainingError.invalidOption(name: "accumulating", expected: "at least 1", found: "\(accumulating)")
    }
    if let validation {
      try validation.check(batch: 1, name: "validation")
      guard validation.exampleShape == data.exampleShape else {
        throw TrainingError.exampleShape(expected: data.exampleShape, found: validation.exampleShape)
      }
    }
    var trainer = try Trainer(
      self, features: TensorType(data.featureDType, [batch] + data.exampleShape),
      targets: TensorType(data.targets.dtype, [batch] + data.targets.shape.dropFirst()), loss: loss,
      optimizer: optimizer, accumulating: accumulating, scaling: scaling, seed: seed)
    try data.checkLabels(classes: trainer.classes)
    try validation?.checkLabels(classes: trainer.classes)
    guard let explanation = trainer.explanation else { throw TrainingError.frozen }
    var history = History(explanation: explanation)
    history.weightBytes = try variables.byteCount
    do {
      for epoch in 0..<epochs {
        history.epochs.append(
          try await self.epoch(
            epoch, of: epochs, &trainer, data, validation, batch, accumulating, loss, seed, progress))
      }
    } catch {
      // After a backend failed in the middle of a step, some states may be of before and some of after.
      if !(error is RuntimeError) { try? trainer.publish() }
      throw error
    }
    history.lossScaleEvents = trainer.events
    history.lossScaleHealthEvents = trainer.healthEvents
    history.lossScaleSummary = trainer.lossScaleSummary
    history.skippedSteps = trainer.skipped
    history.lossScale = trainer.lossScale
    history.stepMilliseconds = trainer.stepMilliseconds
    return history
  }

  @concurrent
  private func epoch(
    _ epoch: Int, of epochs: Int, _ trainer: inout Trainer, _ data: DataSet, _ validation: DataSet?, _ batch: Int,
    _ accumulating: Int, _ loss: Loss, _ seed: UInt64, _ progress: (@Sendable (TrainingProgress) -> Void)?
  ) async throws -> History.Epoch {
    let clock = ContinuousClock()
    let start = clock.now
    var random = SplitMix64(seed: seed &+ UInt64(epoch) &* 0x9E37_79B9)
    let order = (0..<data.count).shuffled(using: &random)
    let batches = stride(from: 0, to: data.count, by: batch).map { order[$0..<min($0 + batch, data.count)] }
    let groups = stride(from: 0, to: batches.count, by: accumulating).map { start in
      Array(batches[start..<min(start + accumulating, batches.count)])
    }
    var means = Means()
    for (step, group) in groups.enumerated() {
      try Task.checkCancellation()
      let outcome = try trainer.train(on: group.map { try data.batch($0) })
      let examples = group.reduce(0) { $0 + $1.count }
      if outcome.isApplied { means.add(outcome.loss, outcome.accuracy, weight: examples) }
      progress?(
        TrainingProgress(
          epoch: epoch + 1, epochs: epochs, step: step + 1, steps: groups.count, loss: means.loss,
          accuracy: means.accuracy, stepLoss: outcome.isApplied ? outcome.loss : .nan,
          skippedSteps: trainer.skipped, lossScale: trainer.lossScale?.value))
      // A long computation on the cooperative pool lets others in now and then.
      if step % 16 == 15 { await Task.yield() }
    }
    try trainer.publish()
    let validated = try validation.map { try evaluate($0, loss: loss) }
    let time = clock.now - start
    return History.Epoch(
      loss: means.loss, accuracy: means.accuracy, validationLoss: validated?.loss,
      validationAccuracy: validated?.accuracy,
      seconds: Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
  }
}

/// Means over examples, of batches of different sizes.
struct Means {
  private var lossSum = 0.0
  private var accuracySum = 0.0
  private var weight = 0.0
  private var hasAccuracy = false

  var loss: Double { weight == 0 ? .nan : lossSum / weight }
  var accuracy: Double? { hasAccuracy && weight > 0 ? accuracySum / weight : nil }

  mutating func add(_ loss: Double, _ accuracy: Double?, weight: Int) {
    lossSum += loss * Double(weight)
    accuracySum += (accuracy ?? 0) * Double(weight)
    self.weight += Double(weight)
    hasAccuracy = hasAccuracy || accuracy != nil
  }
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
