import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Forward and loss over one batch as part of a graph, ready for gradients.
struct TracedBatch {
  let call: TracedCall
  let output: SymbolicTensor
  let target: SymbolicTensor
  /// What the loss is to be multiplied by, float32.
  let scale: SymbolicTensor
  /// Without the scale; with what regularizers add.
  let loss: SymbolicTensor
  let accuracy: SymbolicTensor?
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  let trainable: [VariableSpec]
  /// The trainable variables as they are stored.
  let variables: [SymbolicTensor]

  static let updateOrigin = Graph.Origin(layer: "optimizer", phase: .update)
  private static let lossOrigin = Graph.Origin(layer: "loss", phase: .forward)

  /// - Parameter role: of the trainable variables.
  init(
    _ model: Model, features: TensorType, targets: TensorType, objective: TrainingObjective, role: Graph.Role
  ) throws {
    call = try TracedCall(model, input: features, isTraining: true) { $0.isTrainable ? role : .constant }
    let (output, loss) = (try call.output, objective.loss)
    self.output = output
    classes = objective.custom == nil ? loss.classes(of: output) : nil
    trainable = call.variables.filter(\.isTrainable)
    guard !trainable.isEmpty else { throw TrainingError.frozen }
    variables = trainable.compactMap { [call] in call.symbol($0.path) }
    let trace = call.trace
    let target = trace.input(targets, name: "targets")
    self.target = target
    scale = trace.input(TensorType(.float32, []), name: "loss scale")
    (self.loss, accuracy) = try trace.tagged(Self.lossOrigin) { [call] in
      let value = try objective.value(output, features: call.inputs.tensor ?? output, target: target)
      let hasAccuracy = objective.custom == nil
      return try (call.objective(value), hasAccuracy ? loss.accuracy(output, target: target) : nil)
    }
  }

  var trace: Trace { call.trace }

  func scaledGradients() throws -> ScaledGradients<SymbolicTensor> {
    try call.gradients(of: trace.tagged(Self.lossOrigin) { try ScaledLoss(loss, scale: scale) })
  }

  /// Of the loss as it is.
  func gradients() throws -> Gradients<SymbolicTensor> { Gradients(try call.gradients(of: loss)) }

  /// What layers assigned, where `apply` holds: infinities in moving statistics would stay there.
  func assignments(where apply: SymbolicTensor) throws -> [(state: SymbolicTensor, value: SymbolicTensor)] {
    try call.assignments.map { variable, new in
      (variable.stored, try trace.tagged(Self.updateOrigin) { try apply.select(new, variable.stored) })
    }
  }

  /// Where the plan of this batch finds its inputs; what is not here is named in the store.
  var feeds: [Graph.ValueID: TrainingPlan.Feed] {
    var feeds: [Graph.ValueID: TrainingPlan.Feed] = [target.id: .targets, scale.id: .lossScale]
    if let input = call.inputs.tensor { feeds[input.id] = .features }
    return feeds
  }
}

extension TracedCall {
  /// The gradients of `loss` by the trainable variables, with the scale still in them.
  fileprivate func gradients(of loss: ScaledLoss<SymbolicTensor>) throws -> ScaledGradients<SymbolicTensor> {
    ScaledGradients(try gradients(of: loss.value), scale: loss.scale)
  }
}

/// What a training makes small: a loss, or what somebody traces in its place.
struct TrainingObjective {
  var loss: Loss
  var custom: Trainer.Objective?

  func value(_ output: SymbolicTensor, features: SymbolicTensor, target: SymbolicTensor) throws -> SymbolicTensor {
    guard let custom else { return try loss.scalar(output, target: target) }
    let value = try custom(output, features, target)
    guard value.shape.isEmpty, value.dtype.isFloatingPoint else {
      throw TrainingError.invalidOption(
        name: "the objective", expected: "a floating-point scalar", found: "\(value.type)")
    }
    return try value.atLeastFloat32()
  }
}
