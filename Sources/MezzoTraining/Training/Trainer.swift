import Logging
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// One training on its way: its tensors, the loss scale, and what it has seen.
struct Trainer {
  private let model: Model
  private let data: DataSet
  private let loss: Loss
  private let optimizer: any Optimizer
  private let seed: UInt64
  private let log = Logger(label: "mezzo.training")

  /// By the number of examples, where each batch is a step of its own.
  private var steps: [Int: TrainingStep] = [:]
  /// Where several batches make a step.
  private var accumulation: AccumulatingStep?
  private var store: TrainingStore
  private(set) var lossScale: LossScale?
  /// Of the model's output; `nil` where the loss knows no classes.
  private(set) var classes: Int?
  private var taken = 0
  private var iterations = 0
  private var draws = 0
  private var skippedAtFloor = 0
  private var milliseconds: [Double] = []
  private(set) var skipped = 0
  private(set) var events: [History.LossScaleEvent] = []
  private var health = LossScaleHealth()
  private(set) var healthEvents: [History.LossScaleHealthEvent] = []

  /// So many steps in a row that cannot be applied although the scale can fall no further have no hope.
  private static let hopelessSteps = 10

  /// - Parameter accumulating: batches whose gradients make one update.
  init(
    _ model: Model, data: DataSet, batch: Int, accumulating: Int, loss: Loss, optimizer: any Optimizer,
    scaling: LossScaling, seed: UInt64
  ) throws {
    self.model = model
    self.data = data
    self.loss = loss
    self.seed = seed
    let type = TensorType(data.featureDType, [batch] + data.exampleShape)
    try model.build(input: type)
    let wrapped = try model.lossScaled(optimizer, features: type, scaling: scaling)
    let scaled = wrapped as? LossScaleOptimizer
    self.optimizer = scaled?.innerOptimizer ?? wrapped
    let isAutomatic = scaling == .automatic && !(optimizer is LossScaleOptimizer)
    lossScale = scaled.map { isAutomatic ? model.lossScale ?? $0.lossScale : $0.lossScale }
    // One that came from a file may be anything.
    try lossScale?.check()
    store = try TrainingStore(model.variables)
    if accumulating > 1 {
      let step = try AccumulatingStep(
        model, features: type, targets: TensorType(data.targets.dtype, [batch] + data.targets.shape.dropFirst()),
        loss: loss, optimizer: self.optimizer)
      try store.add(step.slots)
      classes = step.classes
      accumulation = step
    } else {
      classes = try step(examples: batch).classes
    }
    try data.checkLabels(classes: classes)
  }

  var explanation: Explanation? {
    (accumulation?.plan ?? steps.values.first?.plan.plan).map { Explanation($0, on: model.runtime) }
  }

  var lossScaleSummary: LossScaleHealth.Summary? { lossScale == nil ? nil : health.summary }

  var stepMilliseconds: Double {
    let settled = (milliseconds.count > 6 ? Array(milliseconds.dropFirst(3)) : milliseconds).sorted()
    return settled.isEmpty ? 0 : settled[settled.count / 2]
  }

  /// One update.
  ///
  /// - Parameter batches: the examples of each batch: one, unless gradients are accumulated.
  mutating func train(on batches: [ArraySlice<Int>]) throws -> TrainingStep.Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    taken += 1
    let outcome = try run(batches)
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

  private mutating func run(_ batches: [ArraySlice<Int>]) throws -> TrainingStep.Outcome {
    let examples = batches.reduce(0) { $0 + $1.count }
    var tensors: [TrainingPlan.Batch] = []
    var scalars: [TrainingPlan.Scalars] = []
    for indices in batches {
      let (features, targets) = try data.batch(indices)
      tensors.append(TrainingPlan.Batch(features: features, targets: targets))
      draws += 1
      scalars.append(
        TrainingPlan.Scalars(
          rate: optimizer.learningRate, step: iterations + 1, draw: draws, lossScale: lossScale?.value ?? 1,
          seed: seed, share: Double(indices.count) / Double(examples)))
    }
    if let outcome = try accumulation?.run(tensors, &store, scalars) { return outcome }
    return try step(examples: examples).run(tensors[0], &store, scalars[0])
  }

  /// Makes the weights so far those of the model.
  func publish() throws {
    var variables = try model.variables
    for path in variables.paths {
      variables.set(path, try store[path], isTrainable: variables.isTrainable(path))
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
    let step = try TrainingStep(
      model, features: TensorType(data.featureDType, [examples] + data.exampleShape),
      targets: TensorType(data.targets.dtype, [examples] + data.targets.shape.dropFirst()), loss: loss,
      optimizer: optimizer, isScaled: lossScale != nil)
    try store.add(step.slots)
    steps[examples] = step
    return step
  }
}
