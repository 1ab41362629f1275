import Logging
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// One training on its way: the variables and slots it owns, the loss scale, and what it has seen.
struct Trainer {
  private let model: Model
  private let data: DataSet
  private let loss: Loss
  private let optimizer: any Optimizer
  private let seed: UInt64
  private let log = Logger(label: "mezzo.training")

  private var steps: [Int: TrainingStep] = [:]
  private var states: [Tensor] = []
  private var constants: [Tensor] = []
  private(set) var lossScale: LossScale?
  /// Of the model's output; `nil` where the loss knows no classes.
  private(set) var classes: Int?
  private var taken = 0
  private var applied = 0
  private var skippedAtFloor = 0
  private var milliseconds: [Double] = []
  private(set) var skipped = 0
  private(set) var events: [History.LossScaleEvent] = []

  /// So many steps in a row that cannot be applied although the scale can fall no further have no hope.
  private static let hopelessSteps = 10

  init(
    _ model: Model, data: DataSet, batch: Int, loss: Loss, optimizer: any Optimizer, scaling: LossScaling, seed: UInt64
  ) throws {
    self.model = model
    self.data = data
    self.loss = loss
    self.optimizer = optimizer
    self.seed = seed
    let type = TensorType(data.featureDType, [batch] + data.exampleShape)
    try model.build(input: type)
    let probe = try TracedCall(model, input: type, isTraining: true) { _ in .constant }
    lossScale = scaling.resolved(probe.computeDTypes)
    let step = try step(examples: batch)
    classes = step.classes
    try data.checkLabels(classes: classes)
    let variables = try model.variables
    constants = try variables.tensors(at: step.constantPaths)
    states = try variables.tensors(at: step.variablePaths) + step.slotTypes.map { try Tensor(zeros: $0) }
  }

  var explanation: Explanation? { steps.values.first.map { Explanation($0.plan, on: model.runtime) } }

  var stepMilliseconds: Double {
    let settled = (milliseconds.count > 6 ? Array(milliseconds.dropFirst(3)) : milliseconds).sorted()
    return settled.isEmpty ? 0 : settled[settled.count / 2]
  }

  mutating func train(on indices: ArraySlice<Int>) throws -> TrainingStep.Outcome {
    let clock = ContinuousClock()
    let start = clock.now
    let step = try step(examples: indices.count)
    let (features, targets) = try data.batch(indices)
    taken += 1
    let scalars = TrainingStep.Scalars(
      rate: optimizer.learningRate, step: applied + 1, draw: taken, lossScale: lossScale?.value ?? 1, seed: seed)
    let outcome = try step.run(
      features: features, targets: targets, constants: constants, states: &states, scalars: scalars)
    let time = clock.now - start
    milliseconds.append(Double(time.components.attoseconds) * 1e-15 + Double(time.components.seconds) * 1e3)

    if outcome.isApplied {
      applied += 1
      skippedAtFloor = 0
      record(lossScale?.update(gradientsAreFinite: true), report: nil)
      return outcome
    }
    let report = try step.firstNonFinite(
      features: features, targets: targets, constants: constants, states: states, scalars: scalars)
    skipped += 1
    guard lossScale?.isDynamic ?? false, skippedAtFloor < Self.hopelessSteps else {
      throw TrainingError.nonFiniteLoss(
        step: taken, loss: outcome.loss.isNaN ? "NaN" : "\(outcome.loss)", first: report)
    }
    let event = lossScale?.update(gradientsAreFinite: false)
    if lossScale?.value == scalars.lossScale { skippedAtFloor += 1 } else { skippedAtFloor = 0 }
    record(event, report: report)
    return outcome
  }

  /// Makes the weights so far those of the model.
  func publish() throws {
    guard let step = steps.values.first else { return }
    var variables = try model.variables
    for (path, tensor) in zip(step.variablePaths, states) {
      variables.set(path, tensor, isTrainable: variables.isTrainable(path))
    }
    try model.setVariables(variables)
  }

  private mutating func record(_ change: LossScale.Event?, report: NonFiniteReport?) {
    guard let change, change != .unchanged else { return }
    let event = History.LossScaleEvent(
      step: taken, change: change, scale: lossScale?.value ?? 1, firstNonFinite: report)
    events.append(event)
    log.notice("\(event)")
  }

  private mutating func step(examples: Int) throws -> TrainingStep {
    if let step = steps[examples] { return step }
    let step = try TrainingStep(
      model, features: TensorType(data.featureDType, [examples] + data.exampleShape),
      targets: TensorType(data.targets.dtype, [examples] + data.targets.shape.dropFirst()), loss: loss,
      optimizer: optimizer, isScaled: lossScale != nil)
    steps[examples] = step
    return step
  }
}
