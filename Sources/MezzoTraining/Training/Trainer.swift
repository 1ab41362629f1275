import Logging
public import MezzoBackend
public import MezzoGraph
public import MezzoLayers
public import MezzoPolicy
public import MezzoRuntime

/// Trains a model one update at a time: what `fit` does, for loops of one's own.
///
/// ```swift
/// var trainer = try Trainer(model, features: images.type, targets: labels.type, optimizer: .adam())
/// for batch in batches { print(try trainer.train(on: batch).loss) }
/// try trainer.publish()
/// ```
/// Weights, optimizer slots and the loss scale are the trainer's own until ``publish()``. The plan of a step is made when
/// batches of their shapes come for the first time, and that whose last use is longest ago makes room for the next.
public struct Trainer {
  /// Traces what is to become small: a scalar of the model's output and of the batch.
  public typealias Objective =
    @Sendable (_ output: SymbolicTensor, _ features: SymbolicTensor, _ targets: SymbolicTensor) throws -> SymbolicTensor

  let model: Model
  let types: BatchStream.Types
  private let objective: TrainingObjective
  let optimizer: any Optimizer
  let accumulating: Int
  /// The outputs that metrics see.
  private let shown: Set<Int>
  private let log = Logger(label: "mezzo.training")

  /// Where each batch is a step of its own.
  private var steps = RecentlyUsed<BatchStream.Types, TrainingStep>(limit: planLimit)
  /// Where several batches make a step.
  private var accumulation: AccumulatingStep?
  private(set) var store: TrainingStore
  /// `nil` where the loss is not scaled.
  public private(set) var lossScale: LossScale?
  /// Of the model's output; `nil` where the loss knows no classes.
  private(set) var classes: Int?
  private(set) var counters: Counters
  private var milliseconds = RecentTimes()
  /// Updates that were not applied, since their gradients were not finite.
  public var skipped: Int { counters.skipped }
  private(set) var events: [History.LossScaleEvent] = []
  private var health = LossScaleHealth()
  private(set) var healthEvents: [History.LossScaleHealthEvent] = []
  private(set) var measures: RunningMeasures

  /// How far it has come; what a checkpoint has beside tensors.
  struct Counters: Codable, Sendable {
    /// Of random layers: with it and the count of batches their numbers are the same again.
    var seed: UInt64
    /// Updates that were tried.
    var taken = 0
    /// Iterations of the optimizer.
    var iterations = 0
    /// Batches.
    var draws = 0
    var skipped = 0
    var skippedAtFloor = 0
    /// The learning rate that was set; `nil`: what the optimizer says.
    var rate: Double?
  }

  /// So many steps in a row that cannot be applied although the scale can fall no further have no hope.
  private static let hopelessSteps = 10

  /// Plans for so many shapes of batches; each holds memory.
  static let planLimit = 16

  /// Builds the model, if it is not built, and plans a step.
  ///
  /// - Parameters:
  ///   - features: the type of a batch of examples; batches of other sizes may come too.
  ///   - targets: likewise, labels `int32[examples]` or values.
  ///   - moreFeatures: of the inputs behind the first, where the model has several.
  ///   - moreTargets: of the outputs behind the first.
  ///   - sampleWeights: of what each example counts: none, one for all outputs, or one for each.
  ///   - loss: what is made small. Of several outputs the sum of all their losses is; `loss` is that of the first.
  ///   - moreLosses: of the outputs behind the first; by default `loss` for each.
  ///   - lossWeights: what the loss of each output is multiplied by; by default 1.
  ///   - accumulating: more than 1: an update is made from several batches, whose gradients are summed.
  ///   - optimizer: a ``LossScaleOptimizer`` scales the loss as it says.
  ///   - metrics: what else is taken of the first output in training, found in ``logs``.
  ///   - moreMetrics: of each output behind the first, in ``logs`` with the output's name in front.
  ///   - scaling: of the loss; `automatic` is right for every policy.
  ///   - seed: of random layers.
  ///   - objective: traces what is made small in the place of `loss`; then no accuracy is taken.
  public init(
    _ model: Model, features: TensorType, targets: TensorType, moreFeatures: [TensorType] = [],
    moreTargets: [TensorType] = [], sampleWeights: [TensorType] = [],
    loss: Loss = .sparseCategoricalCrossentropy,
    moreLosses: [Loss] = [], lossWeights: [Double] = [], optimizer: any Optimizer = .adam(),
    accumulating: Int = 1,
    metrics: [Metric] = [], moreMetrics: [[Metric]] = [], scaling: LossScaling = .automatic,
    seed: UInt64 = 0,
    objective: Objective? = nil
  ) throws {
    try self.init(
      model,
      BatchStream.Types(
        features: features, targets: targets, moreFeatures: moreFeatures, moreTargets: moreTargets,
        sampleWeights: sampleWeights),
      TrainingObjective(
        loss: loss, moreLosses: moreLosses, lossWeights: lossWeights, custom: objective),
      optimizer: optimizer, accumulating: accumulating,
      metrics: MetricList(first: metrics, more: moreMetrics), scaling: scaling, seed: seed)
  }

  init(
    _ model: Model, _ types: BatchStream.Types, _ objective: TrainingObjective,
    optimizer: any Optimizer,
    accumulating: Int, metrics: MetricList, scaling: LossScaling, seed: UInt64
  ) throws {
    try optimizer.check()
    try scaling.check()
    self.model = model
    self.types = types
    self.objective = objective
    self.accumulating = accumulating
    shown = metrics.outputs
    counters = Counters(seed: seed)
    measures = try RunningMeasures(metrics, on: model.runtime)
    try model.build(inputs: types.arguments)
    let wrapped = try model.lossScaled(optimizer, inputs: types.arguments, scaling: scaling)
    let scaled = wrapped as? LossScaleOptimizer
    self.optimizer = scaled?.innerOptimizer ?? wrapped
    let isAutomatic = scaling == .automatic && !(optimizer is LossScaleOptimizer)
    lossScale = scaled.map { isAutomatic ? model.lossScale ?? $0.lossScale : $0.lossScale }
    // One that came from a file may be anything.
    try lossScale?.check()
    store = try TrainingStore(model.variables)
    if accumulating > 1 {
      let step = try AccumulatingStep(
        model, types: types, objective: objective, optimizer: self.optimizer, shown: shown)
      try store.add(step.slots)
      classes = step.classes
      try measures.name(outputs: step.outputNames)
      accumulation = step
    } else {
      let step = try step(types)
      classes = step.classes
      try measures.name(outputs: step.results.outputNames)
    }
  }

  /// Who computes what in a step, and why.
  public var explanation: Explanation? {
    (accumulation?.plan ?? steps.latest?.plan.plan).map { Explanation($0, on: model.runtime) }
  }

  /// Of the next update. Setting it ends what a schedule of the optimizer says.
  public var learningRate: Double {
    get { counters.rate ?? optimizer.rate(atStep: counters.iterations) }
    set { counters.rate = newValue }
  }

  /// Updates that were applied; with those that were skipped if the loss scale counts them.
  public var iterations: Int { counters.iterations }

  /// Means of `loss` and, where there is one, `accuracy` over the examples since ``resetLogs()``, and the metrics.
  public var logs: [String: Double] { get throws { try measures.logs } }

  /// Begins to measure anew, as at the beginning of an epoch.
  public mutating func resetLogs() throws { try measures.reset() }

  var lossScaleSummary: LossScaleHealth.Summary? { lossScale == nil ? nil : health.summary }

  var stepMilliseconds: Double { milliseconds.median }

  /// One update from one batch.
  ///
  /// - Throws: `TrainingError.nonFiniteLoss` where the gradients are not finite and no loss scale could mend that,
  ///   `LayerError` for sizes that the model was not built for, and `RuntimeError` for another dtype or rank than was
  ///   announced or tensors of different numbers of examples.
  @discardableResult
  public mutating func train(on batch: TrainingBatch) throws -> TrainingOutcome { try train(on: [batch]) }

  /// One update; from several batches only where the trainer accumulates.
  @discardableResult
  public mutating func train(on batches: [TrainingBatch]) throws -> TrainingOutcome {
    guard let first = batches.first, batches.count == 1 || accumulation != nil else {
      throw TrainingError.invalidOption(
        name: "the number of batches of an update", expected: accumulation == nil ? "1" : "at least 1",
        found: "\(batches.count)")
    }
    let clock = ContinuousClock()
    let start = clock.now
    counters.taken += 1
    let outcome = try run(batches, first)
    milliseconds.add((clock.now - start).milliseconds)

    if outcome.isApplied {
      counters.iterations += 1
      counters.skippedAtFloor = 0
      try measures.add(outcome.loss, outcome.results, of: batches)
      record(lossScale?.update(gradientsAreFinite: true), report: nil)
      return outcome
    }
    counters.skipped += 1
    guard lossScale?.isDynamic ?? false, counters.skippedAtFloor < Self.hopelessSteps else {
      throw TrainingError.nonFiniteLoss(
        step: counters.taken, loss: outcome.loss.isNaN ? "NaN" : "\(outcome.loss)", first: outcome.firstNonFinite)
    }
    let before = lossScale?.value
    let event = lossScale?.update(gradientsAreFinite: false)
    if lossScale?.countsSkippedSteps ?? false { counters.iterations += 1 }
    if lossScale?.value == before { counters.skippedAtFloor += 1 } else { counters.skippedAtFloor = 0 }
    record(event, report: outcome.firstNonFinite)
    return outcome
  }

  private mutating func run(_ batches: [TrainingBatch], _ first: TrainingBatch) throws -> TrainingOutcome {
    let examples = batches.reduce(0) { $0 + $1.examples }
    var scalars: [TrainingPlan.Scalars] = []
    for batch in batches {
      counters.draws += 1
      scalars.append(
        TrainingPlan.Scalars(
          rate: learningRate, step: counters.iterations + 1, draw: counters.draws, lossScale: lossScale?.value ?? 1,
          seed: counters.seed, share: examples == 0 ? 1 : Double(batch.examples) / Double(examples)))
    }
    let planned = batches.map(planned)
    if let outcome = try accumulation?.run(batches, as: planned, &store, scalars) { return outcome }
    return try step(planned[0]).run(first, &store, scalars[0])
  }

  /// The weights so far, as the model would get them.
  public var weights: Variables {
    get throws {
      var variables = try model.variables
      for path in variables.paths {
        let slot = optimizer.publishedSlot.map { VariableUpdates.slotName($0, of: path) }
        let name = slot.map { store.contains($0) ? $0 : path } ?? path
        variables.set(path, try store[name], isTrainable: variables.isTrainable(path))
      }
      return variables
    }
  }

  /// Makes the weights so far those of the model.
  public func publish() throws {
    try model.setVariables(try weights)
    if lossScale?.isDynamic ?? false { model.lossScale = lossScale }
  }

  private mutating func record(_ change: LossScale.Event?, report: NonFiniteReport?) {
    guard let change, let scale = lossScale?.value else { return }
    if change != .unchanged {
      let event = History.LossScaleEvent(step: counters.taken, change: change, scale: scale, firstNonFinite: report)
      events.append(event)
      log.notice("\(event)")
    }
    for event in health.record(change, scale: scale) {
      let event = History.LossScaleHealthEvent(step: counters.taken, event: event)
      healthEvents.append(event)
      log.log(level: event.event.isWarning ? .warning : .notice, "\(event)")
    }
  }

  /// What a batch is planned as: with its own sizes, and for all else with what was announced, which a run insists on.
  private func planned(_ batch: TrainingBatch) -> BatchStream.Types {
    let found = batch.types
    // Another number of examples in one tensor would be repeated for those of the others.
    let isWhole = found == found.batch(of: batch.examples)
    return isWhole && found.differ(inSizesAloneFrom: types) ? found : types.batch(of: batch.examples)
  }

  private mutating func step(_ types: BatchStream.Types) throws -> TrainingStep {
    if let step = steps[types] { return step }
    let step = try TrainingStep(
      model, types: types, objective: objective, optimizer: optimizer, isScaled: lossScale != nil, shown: shown)
    try store.add(step.slots)
    steps[types] = step
    return step
  }
}

// MARK: - Checkpoints

extension Trainer {
  /// The state of the loss scale and of what watches it.
  struct Scaling: Codable, Sendable {
    /// Its bits, which no decimal text rounds.
    var value: UInt32
    var goodSteps: Int
    var health: LossScaleHealth
    var events: [History.LossScaleEvent]
    var healthEvents: [History.LossScaleHealthEvent]
  }

  var scalingState: Scaling? {
    lossScale.map {
      Scaling(
        value: $0.value.bitPattern, goodSteps: $0.goodSteps, health: health,
        events: events.suffix(TrainingCheckpoint.Record.historyLimit),
        healthEvents: healthEvents.suffix(TrainingCheckpoint.Record.historyLimit))
    }
  }

  /// Goes on from slots of the store and a count of updates.
  mutating func restore(_ slots: [(name: String, tensor: Tensor)], iterations: Int) {
    for (name, tensor) in slots { store.set(name, tensor) }
    counters.iterations = iterations
  }

  /// Goes on from where another trainer of the same settings was.
  ///
  /// - Parameter tensors: one for each name of the store, of the same type.
  mutating func restore(
    _ counters: Counters, _ scaling: Scaling?, tensors: [(name: String, tensor: Tensor)], means: Means,
    metrics: [[Tensor]]
  ) {
    self.counters = counters
    if let scaling {
      lossScale?.restore(value: Float(bitPattern: scaling.value), goodSteps: scaling.goodSteps)
      health = scaling.health
      events = scaling.events
      healthEvents = scaling.healthEvents
    }
    for (name, tensor) in tensors { store.set(name, tensor) }
    measures.restore(means, metrics)
  }
}

/// How long the last steps took. A training may have any number of them, so only so many are kept.
private struct RecentTimes {
  private var times: [Double] = []
  private var count = 0

  private static let limit = 1024

  mutating func add(_ milliseconds: Double) {
    if times.count < Self.limit { times.append(milliseconds) } else { times[count % Self.limit] = milliseconds }
    count += 1
  }

  /// Without the first three of more than six, which prepare what all others use.
  var median: Double {
    let settled = (count > 6 && count <= Self.limit ? Array(times.dropFirst(3)) : times).sorted()
    return settled.isEmpty ? 0 : settled[settled.count / 2]
  }
}

extension Duration {
  package var milliseconds: Double {
    Double(components.seconds) * 1e3 + Double(components.attoseconds) * 1e-15
  }
}
