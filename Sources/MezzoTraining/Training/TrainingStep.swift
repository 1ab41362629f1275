import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// One step of training as one plan: forward, loss, backward, unscaling, the check for finiteness and the update.
///
/// The loss scale enters here and nowhere else: the loss is multiplied by it and every gradient divided by it in the same
/// graph, so that it can be neither forgotten nor applied twice.
struct TrainingStep {
  let plan: Plan
  /// Variables that a step changes, by their gradients or by assignment: the first of the plan's states.
  let variablePaths: [String]
  /// The optimizer's slots: the other states.
  let slotTypes: [TensorType]
  let constantPaths: [String]
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  private let feeds: [Feed]
  private let hasAccuracy: Bool

  /// What goes into the plan's inputs that are no states, in their order.
  private enum Feed {
    case features, targets, lossScale, rate, step, key, constant
  }

  struct Outcome {
    var loss: Double
    var accuracy: Double?
    /// Whether the update was applied.
    var isApplied: Bool
  }

  struct Scalars {
    var rate: Double
    /// Applied steps, with this one.
    var step: Int
    /// All steps, with this one: skipped ones draw new random numbers too.
    var draw: Int
    var lossScale: Float
    var seed: UInt64
  }

  init(
    _ model: Model, features: TensorType, targets: TensorType, loss: Loss, optimizer: any Optimizer,
    isScaled: Bool
  ) throws {
    let call = try TracedCall(model, input: features, isTraining: true) { $0.isTrainable ? .state : .constant }
    let trace = call.trace
    let output = try call.output
    let example = call.inputs.tensor
    let trainable = call.variables.filter(\.isTrainable)
    guard !trainable.isEmpty else { throw TrainingError.frozen }
    let lossOrigin = Graph.Origin(layer: "loss", phase: .forward)
    let updateOrigin = Graph.Origin(layer: "optimizer", phase: .update)

    let target = trace.input(targets, name: "targets")
    let scale = trace.input(TensorType(.float32, []), name: "loss scale")
    let rate = trace.input(TensorType(.float64, []), name: "learning rate")
    let step = trace.input(TensorType(.int64, []), name: "step")
    let (value, accuracy) = try trace.tagged(lossOrigin) {
      try (call.objective(loss(output, target: target)), loss.accuracy(output, target: target))
    }
    hasAccuracy = accuracy != nil
    classes = accuracy == nil ? nil : output.shape.last
    let objective = isScaled ? try trace.tagged(lossOrigin) { try value * scale.cast(to: value.dtype) } : value
    let symbols = trainable.compactMap { call.symbol($0.path) }
    var gradients = try call.gradients(of: objective)

    var updates: [(state: SymbolicTensor, value: SymbolicTensor)] = []
    var slotTypes: [TensorType] = []
    let apply = try trace.tagged(updateOrigin) { () throws -> SymbolicTensor in
      if isScaled {
        let inverse = try 1 / scale
        gradients = try gradients.map { gradient in
          let wide = try gradient.atLeastFloat32()
          return try (wide * inverse.cast(to: wide.dtype)).cast(to: gradient.dtype)
        }
      }
      // Also without a scale: an update with infinities would ruin the weights that the error promises to keep.
      return try gradients.reduce(value.allFinite()) { try $0.and($1.allFinite()) }
    }
    var slotSymbols: [[SymbolicTensor]] = []
    for spec in trainable {
      slotSymbols.append(
        trace.tagged(Graph.Origin(layer: spec.layer, phase: .update)) {
          optimizer.slots.map { trace.input(spec.type, name: "\(spec.path).\($0)", role: .state) }
        })
      slotTypes += optimizer.slots.map { _ in spec.type }
    }
    let schedule = UpdateSchedule(rate: rate, step: step, apply: apply)
    for (index, spec) in trainable.enumerated() {
      let owner = spec.path.split(separator: ".").dropLast().joined(separator: ".")
      let new = try trace.tagged(Graph.Origin(layer: owner, phase: .update)) {
        try optimizer.update(
          symbols[index], slots: slotSymbols[index], gradient: gradients[index], schedule: schedule)
      }
      updates.append((symbols[index], new.variable))
      updates += zip(slotSymbols[index], new.slots).map { ($0, $1) }
    }
    for (variable, new) in call.assignments {
      // A step that is not applied leaves no trace: infinities in moving statistics would stay there.
      updates.append((variable.stored, try trace.tagged(updateOrigin) { try apply.select(new, variable.stored) }))
    }
    let graph = trace.finish([value, apply] + (accuracy.map { [$0] } ?? []), updates: updates)
    plan = try model.runtime.makePlan(graph)
    let states = Set(graph.inputs.filter { $0.role == .state }.map(\.value))
    let isState = { (spec: VariableSpec) in call.symbol(spec.path).map { states.contains($0.id) } ?? false }
    variablePaths = call.variables.filter(isState).map(\.path)
    self.slotTypes = slotTypes
    constantPaths = call.variables.filter { !isState($0) }.map(\.path)
    feeds = graph.inputs.filter { $0.role != .state }.map { input in
      switch input.value {
      case example?.id: .features
      case target.id: .targets
      case scale.id: .lossScale
      case rate.id: .rate
      case step.id: .step
      default: input.role == .constant ? .constant : .key
      }
    }
  }

  /// - Parameter states: the variables, then the slots; updated in place where nobody else holds them.
  func run(
    features: Tensor, targets: Tensor, constants: [Tensor], states: inout [Tensor], scalars: Scalars
  ) throws -> Outcome {
    let outputs = try plan.run(try inputs(features, targets, constants, scalars), states: &states)
    return Outcome(
      loss: try outputs[0].scalar(), accuracy: hasAccuracy ? try outputs[2].scalar() : nil,
      isApplied: try outputs[1].scalar() != 0)
  }

  /// Where the first infinity or NaN came from, in a step that was not applied.
  func firstNonFinite(
    features: Tensor, targets: Tensor, constants: [Tensor], states: [Tensor], scalars: Scalars
  ) throws -> NonFiniteReport? {
    try plan.firstNonFinite(try inputs(features, targets, constants, scalars), states: states)
  }

  private func inputs(
    _ features: Tensor, _ targets: Tensor, _ constants: [Tensor], _ scalars: Scalars
  ) throws -> [Tensor] {
    var constants = constants[...]
    return try feeds.compactMap { feed in
      switch feed {
      case .features: features
      case .targets: targets
      case .lossScale: try Tensor(Double(scalars.lossScale), dtype: .float32)
      case .rate: try Tensor(scalars.rate, dtype: .float64)
      case .step: try Tensor(Double(scalars.step), dtype: .int64)
      case .key:
        try withUnsafeBytes(of: (scalars.seed, Int64(scalars.draw))) {
          try Tensor(bytes: $0, shape: [2], dtype: .int64)
        }
      case .constant: constants.popFirst()
      }
    }
  }
}
