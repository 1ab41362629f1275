import MezzoFiles
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// What `fit` was asked for, beside the data and the callbacks.
struct TrainingSettings: Sendable {
  var epochs: Int
  var accumulating: Int
  var optimizer: any Optimizer
  var objective: TrainingObjective
  var metrics: MetricList
  var scaling: LossScaling
  var seed: UInt64
  var resuming: String?
  /// What the optimizer goes on from, where no checkpoint says more.
  var state: OptimizerState?
  /// Looks at all labels before the first step, where they are known.
  var check: @Sendable (_ classes: Int?) throws(TrainingError) -> Void = { _ in }
}

/// A call of `fit`: epochs, batches, validation, callbacks and checkpoints in their order.
struct TrainingRun {
  private let batches: BatchStream
  private let validation: BatchStream?
  private let identity: TrainingCheckpoint.Settings
  private let accumulating: Int
  private var callbacks: [any TrainingCallback]
  private var session: TrainingSession
  private var evaluator: Evaluator
  /// From 0, the epoch that goes on, and the batches of it that are done.
  private var epoch = 0
  private var batch = 0
  /// The first epoch, where its first batch had to say what the others are like.
  private var opened: Opened?

  private struct Opened {
    var iterator: BatchStream.Batches.Iterator
    var first: TrainingBatch
  }

  init(
    _ model: Model, _ batches: BatchStream, _ validation: BatchStream?, _ settings: TrainingSettings,
    _ callbacks: [any TrainingCallback]
  ) async throws {
    let checkpoint = try settings.resuming.flatMap {
      AtomicFile.exists($0) ? try TrainingCheckpoint($0) : nil
    }
    let types: BatchStream.Types
    if let known = batches.types ?? checkpoint?.record.settings.types {
      types = known
    } else {
      let iterator = batches.epoch(1).makeAsyncIterator()
      guard let first = try await iterator.next() else { throw TrainingError.emptyDataSet(name: "training") }
      types = first.types
      opened = Opened(iterator: iterator, first: first)
    }
    var trainer = try Trainer(
      model, types, settings.objective, optimizer: settings.optimizer,
      accumulating: settings.accumulating, metrics: settings.metrics, scaling: settings.scaling,
      seed: settings.seed)
    try settings.check(trainer.classes)
    if let state = settings.state, checkpoint == nil { try trainer.restore(state) }
    guard let explanation = trainer.explanation else { throw TrainingError.frozen }
    var history = History(explanation: explanation)
    history.weightBytes = try model.variables.byteCount
    identity = try TrainingCheckpoint.Settings(types, batches.count, trainer, settings)
    var callbacks = callbacks
    if let checkpoint {
      try checkpoint.check(identity)
      try checkpoint.restore(&trainer)
      try checkpoint.restore(&callbacks)
      try trainer.publish()
      history.epochs = checkpoint.record.history
      history.omittedEpochs = checkpoint.record.omittedEpochs ?? 0
      history.stopReason = checkpoint.record.stopReason
      epoch = checkpoint.record.epoch
      batch = checkpoint.record.batch
    }
    self.batches = batches
    self.validation = validation
    self.callbacks = callbacks
    accumulating = settings.accumulating
    evaluator = try Evaluator(model, settings.objective, settings.metrics)
    session = TrainingSession(
      trainer, epochs: settings.epochs,
      steps: batches.count.map { ($0 + settings.accumulating - 1) / settings.accumulating }, history: history,
      isResumed: checkpoint != nil)
  }

  mutating func train() async throws -> History {
    do {
      session.epoch = min(epoch + 1, session.epochs)
      try call { try $0.onTrainBegin(&$1) }
      while epoch < session.epochs, session.stopReason == nil { try await runEpoch() }
    } catch {
      try end(error)
      throw error
    }
    session.ending = session.stopReason.map { .stopped(reason: $0) } ?? .finished
    try call { try $0.onTrainEnd(&$1) }
    return finishedHistory()
  }

  private mutating func runEpoch() async throws {
    let clock = ContinuousClock()
    let start = clock.now
    session.epoch = epoch + 1
    session.step = (batch + accumulating - 1) / accumulating
    if batch == 0 {
      try session.trainer.resetLogs()
      session.logs = [:]
      try call { try $0.onEpochBegin(&$1) }
    }
    try await runBatches()
    // A training that was stopped within an epoch ends with that epoch's measures so far.
    try session.trainer.publish()
    var record = try self.record(seconds: 0)
    if let validation {
      let evaluated = try await evaluator.evaluate(validation)
      record.validationLoss = evaluated.loss
      record.validationAccuracy = evaluated.accuracy
      record.validationMetrics = evaluated.metrics
    }
    record.seconds = (clock.now - start).milliseconds / 1000
    session.logs = record.logs
    session.history.epochs.append(record)
    epoch += 1
    batch = 0
    try session.trainer.resetLogs()
    try call { try $0.onEpochEnd(&$1) }
  }

  private mutating func runBatches() async throws {
    let iterator = opened?.iterator ?? batches.epoch(epoch + 1, skipping: batch).makeAsyncIterator()
    var first = opened?.first
    opened = nil
    while session.stopReason == nil {
      var group: [TrainingBatch] = []
      while group.count < accumulating {
        var next = first
        if next == nil { next = try await iterator.next() }
        first = nil
        guard let next else { break }
        try next.check(classes: session.trainer.classes)
        group.append(next)
      }
      if group.isEmpty { return }
      try call { try $0.onTrainBatchBegin(&$1) }
      session.outcome = try session.trainer.train(on: group)
      batch += group.count
      session.step += 1
      session.logs = try session.trainer.logs
      try call { try $0.onTrainBatchEnd(&$1) }
      // A long computation on the cooperative pool lets others in now and then.
      if session.step % 16 == 0 { await Task.yield() }
    }
  }

  private func record(seconds: Double) throws -> History.Epoch {
    let measures = session.trainer.measures
    if measures.means.isEmpty, session.step == 0 { throw TrainingError.emptyDataSet(name: "training") }
    return History.Epoch(
      loss: measures.means.loss, accuracy: measures.means.accuracy, metrics: try measures.metrics,
      learningRate: session.learningRate, seconds: seconds)
  }

  /// Calls all callbacks, and then writes what they want written.
  private mutating func call(_ body: (inout any TrainingCallback, inout TrainingSession) throws -> Void) throws {
    for place in callbacks.indices { try body(&callbacks[place], &session) }
    try session.writeCheckpoints(callbacks, settings: identity, epoch: epoch, batch: batch)
  }

  /// After an error: the weights so far become the model's, and a training that was cancelled leaves its checkpoints.
  private mutating func end(_ error: any Error) throws {
    session.ending = error is CancellationError ? .cancelled : .failed(error)
    // After a backend failed in the middle of a step, some states may be of before and some of after.
    if !(error is RuntimeError) { try? session.trainer.publish() }
    session.requests = []
    if error is CancellationError {
      try call { try $0.onTrainEnd(&$1) }
    } else {
      // The first error is the one to tell.
      try? call { try $0.onTrainEnd(&$1) }
    }
  }

  private func finishedHistory() -> History {
    var history = session.history
    let trainer = session.trainer
    history.stopReason = session.stopReason
    history.lossScaleEvents = trainer.events
    history.lossScaleHealthEvents = trainer.healthEvents
    history.lossScaleSummary = trainer.lossScaleSummary
    history.skippedSteps = trainer.skipped
    history.lossScale = trainer.lossScale
    history.stepMilliseconds = trainer.stepMilliseconds
    return history
  }
}

extension TrainingCheckpoint.Settings {
  init(_ types: BatchStream.Types, _ batches: Int?, _ trainer: Trainer, _ settings: TrainingSettings) throws {
    func text(_ value: some Encodable) throws -> String { try TrainingCheckpoint.text(value) }
    self.init(
      types: types, batches: batches, accumulating: settings.accumulating, seed: settings.seed,
      loss: try text([settings.objective.loss] + settings.objective.moreLosses),
      lossWeights: settings.objective.lossWeights.isEmpty ? nil : settings.objective.lossWeights,
      optimizer: try text(AnyOptimizer(trainer.optimizer)),
      metrics: ([settings.metrics.first] + settings.metrics.more).enumerated().flatMap {
        output, metrics in
        metrics.map { metric in
          "\(metric.name) in \(metric.dtype)" + (metric.isWeighted ? ", weighted" : "")
            + (output > 0 ? ", of output \(output)" : "")
        }
      },
      policies: try trainer.model.layers.map { "\($0.path): \($0.policy.name)" },
      lossScale: try trainer.lossScale?.dynamics.map(text) ?? trainer.lossScale.map { "\($0.initialScale)" })
  }
}
