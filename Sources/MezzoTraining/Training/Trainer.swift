import Logging
public import MezzoBackend
import MezzoGraph
public import MezzoLayers
public import MezzoPolicy
public import MezzoRuntime

/// Trains a model one update at a time: what ``MezzoLayers/Model/fit(_:validation:epochs:batch:accumulating:optimizer:loss:scaling:seed:progress:)``
/// does, for loops of one's own.
///
/// ```swift
/// var trainer = try Trainer(model, features: images.type, targets: labels.type, optimizer: .adam())
/// for batch in batches { print(try trainer.train(on: batch).loss) }
/// try trainer.publish()
/// ```
/// Weights, optimizer slots and the loss scale are the trainer's own until ``publish()``. The plan of a step is made when
/// batches of so many examples come for the first time.
public struct Trainer {
  private let model: Model
  private let features: TensorType
  private let targets: TensorType
  private let loss: Loss
  private let optimizer: any Optimizer
  private let seed: UInt64
  private let log = Logger(label: "mezzo.training")

  /// By the number of examples, where each batch is a step of its own.
  private var steps: [Int: TrainingStep] = [:]
  /// Where several batches make a step.
  private var accumulation: AccumulatingStep?
  private var store: TrainingStore
  /// `nil` where the loss is not scaled.
  public private(set) var lossScale: LossScale?
  /// Of the model's output; `nil` where the loss knows no classes.
  private(set) var classes: Int?
  private var taken = 0
  private var iterations = 0
  private var draws = 0
  private var skippedAtFloor = 0
  private var milliseconds: [Double] = []
  /// Updates that were not applied, since their gradients were not finite.
  public private(set) var skipped = 0
  private(set) var events: [History.LossScaleEvent] = []
  private var health = LossScaleHealth()
  private(set) var healthEvents: [History.LossScaleHealthEvent] = []

  /// So many steps in a row that cannot be applied although the scale can fall no further have no hope.
  private static let hopelessSteps = 10

  /// Builds the model, if it is not built, and plans a step.
  ///
  /// - Parameters:
  ///   - features: the type of a batch of examples; batches of another number of examples may come too.
  ///   - targets: likewise, labels `int32[examples]` or values.
  ///   - accumulating: more than 1: an update is made from several batches, whose gradients are summed.
  ///   - optimizer: a ``LossScaleOptimizer`` scales the loss as it says.
  ///   - scaling: of the loss; `automatic` is right for every policy.
  ///   - seed: of random layers.
  public init(
    _ model: Model, features: TensorType, targets: TensorType, loss: Loss = .sparseCategoricalCrossentropy,
    optimizer: any Optimizer = .adam(), accumulating: Int = 1, scaling: LossScaling = .automatic, seed: UInt64 = 0
  ) throws {
    try optimizer.check()
    try scaling.check()
    self.model = model
    self.features = features
    self.targets = targets
    self.loss = loss
    self.seed = seed
    try model.build(input: features)
    let wrapped = try model.lossScaled(optimizer, features: features, scaling: scaling)
    let scaled = wrapped as? LossScaleOptimizer
    self.optimizer = scaled?.innerOptimizer ?? wrapped
    let isAutomatic = scaling == .automatic && !(optimizer is LossScaleOptimizer)
    lossScale = scaled.map { isAutomatic ? model.lossScale ?? $0.lossScale : $0.lossScale }
    // One that came from a file may be anything.
    try lossScale?.check()
    store = try TrainingStore(model.variables)
    if accumulating > 1 {
      let step = try AccumulatingStep(
        model, features: features, targets: targets, loss: loss, optimizer: self.optimizer)
      try store.add(step.slots)
      classes = step.classes
      accumulation = step
    } else {
      classes = try step(examples: features.shape.first ?? 0).classes
    }
  }

  /// Who computes what in a step, and why.
  public var explanation: Explanation? {
    (accumulation?.plan ?? steps.values.first?.plan.plan).map { Explanation($0, on: model.runtime) }
  }

  var lossScaleSummary: LossScaleHealth.Summary? { lossScale == nil ? nil : health.summary }

  var stepMilliseconds: Double {
    let settled = (milliseconds.count > 6 ? Array(milliseconds.dropFirst(3)) : milliseconds).sorted()
    return settled.isEmpty ? 0 : settled[settled.count / 2]
  }

  /// One update from one batch.
  ///
  /// - Throws: `TrainingError.nonFiniteLoss` where the gradients are not finite and no loss scale could mend that, and
  ///   `RuntimeError` for a batch of another type than was announced.
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
    taken += 1
    let outcome = try run(batches, first)
    let time = clock.now - start
    milliseconds.append(Double(time.components.attoseconds) * 1e-15 + Double(time.components.seconds) * 1e3)

    if outcome.isApplied {
      iterations += 1
      skippedAtFloor = 0
      record(lossScale?.update(gradientsAreFinite: true), report: nil)
      return outcome
    }
    skipped += 1
    guard lossScale?.isDynamic ?? false, skippedAtFloor < Self.hopelessSteps else {
      throw TrainingError.nonFiniteLoss(
        step: taken, loss: outcome.loss.isNaN ? "NaN" : "\(outcome.loss)", first: outcome.firstNonFinite)
    }
    let before = lossScale?.value
    let event = lossScale?.update(gradientsAreFinite: false)
    if lossScale?.countsSkippedSteps ?? false { iterations += 1 }
    if lossScale?.value == before { skippedAtFloor += 1 } else { skippedAtFloor = 0 }
    record(event, report: outcome.firstNonFinite)
    return outcome
  }

  private mutating func run(_ batches: [TrainingBatch], _ first: TrainingBatch) throws -> TrainingOutcome {
    let examples = batches.reduce(0) { $0 + $1.examples }
    var scalars: [TrainingPlan.Scalars] = []
    for batch in batches {
      draws += 1
      scalars.append(
        TrainingPlan.Scalars(
          rate: optimizer.rate(atStep: iterations), step: iterations + 1, draw: draws, lossScale: lossScale?.value ?? 1,
          seed: seed, share: examples == 0 ? 1 : Double(batch.examples) / Double(examples)))
    }
    if let outcome = try accumulation?.run(batches, &store, scalars) { return outcome }
    return try step(examples: first.examples).run(first, &store, scalars[0])
  }

  /// Makes the weights so far those of the model.
  public func publish() throws {
    var variables = try model.variables
    for path in variables.paths {
      let slot = optimizer.publishedSlot.map { VariableUpdates.slotName($0, of: path) }
      let name = slot.map { store.contains($0) ? $0 : path } ?? path
      variables.set(path, try store[name], isTrainable: variables.isTrainable(path))
    }
    try model.setVariables(variables)
    if lossScale?.isDynamic ?? false { model.lossScale = lossScale }
  }

  private mutating func record(_ change: LossScale.Event?, report: NonFiniteReport?) {
    guard let change, let scale = lossScale?.value else { return }
    if change != .unchanged {
      let event = History.LossScaleEvent(step: taken, change: change, scale: scale, firstNonFinite: report)
      events.append(event)
      log.notice("\(event)")
    }
    for event in health.record(change, scale: scale) {
      let event = History.LossScaleHealthEvent(step: taken, event: event)
      healthEvents.append(event)
      log.log(level: event.event.isWarning ? .warning : .notice, "\(event)")
    }
  }

  private mutating func step(examples: Int) throws -> TrainingStep {
    if let step = steps[examples] { return step }
    func batch(_ type: TensorType) -> TensorType { TensorType(type.dtype, [examples] + type.shape.dropFirst()) }
    let step = try TrainingStep(
      model, features: batch(features), targets: batch(targets), loss: loss, optimizer: optimizer,
      isScaled: lossScale != nil)
    try store.add(step.slots)
    steps[examples] = step
    return step
  }
}
