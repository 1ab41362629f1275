import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Forward and loss over one batch as part of a graph, ready for gradients.
struct TracedBatch {
  let call: TracedCall
  let output: SymbolicTensor
  /// One for each output.
  let targets: [SymbolicTensor]
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
    _ model: Model, types: BatchStream.Types, objective: TrainingObjective, role: Graph.Role
  ) throws {
    call = try TracedCall(model, inputs: types.arguments, isTraining: true) { $0.isTrainable ? role : .constant }
    let outputs = try call.outputs(of: types)
    let (output, loss) = (outputs[0], objective.loss)
    self.output = output
    classes = objective.custom == nil ? loss.classes(of: output) : nil
    trainable = call.variables.filter(\.isTrainable)
    guard !trainable.isEmpty else { throw TrainingError.frozen }
    variables = trainable.compactMap { [call] in call.symbol($0.path) }
    let trace = call.trace
    let targets = call.targets(of: types)
    self.targets = targets
    scale = trace.input(TensorType(.float32, []), name: "loss scale")
    (self.loss, accuracy) = try trace.tagged(Self.lossOrigin) { [call] in
      let features = call.inputs.positional.first?.tensor ?? output
      let value = try objective.value(outputs, features: features, targets: targets)
      let hasAccuracy = objective.custom == nil
      return try (call.objective(value), hasAccuracy ? loss.accuracy(output, target: targets[0]) : nil)
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
    var feeds: [Graph.ValueID: TrainingPlan.Feed] = [scale.id: .lossScale]
    for (index, target) in targets.enumerated() { feeds[target.id] = index == 0 ? .targets : .moreTargets(index - 1) }
    for (index, input) in call.inputs.leaves.enumerated() {
      if let input { feeds[input.id] = index == 0 ? .features : .moreFeatures(index - 1) }
    }
    return feeds
  }
}

extension TracedCall {
  /// The gradients of `loss` by the trainable variables, with the scale still in them.
  fileprivate func gradients(of loss: ScaledLoss<SymbolicTensor>) throws -> ScaledGradients<SymbolicTensor> {
    ScaledGradients(try gradients(of: loss.value), scale: loss.scale)
  }
}

extension TracedCall {
  /// The outputs, of which there must be as many as targets.
  func outputs(of types: BatchStream.Types) throws -> [SymbolicTensor] {
    if types.moreTargets.isEmpty { return [try output] }
    let leaves = outputs.leaves.compactMap { $0 }
    guard leaves.count == types.moreTargets.count + 1 else {
      throw TrainingError.invalidOption(
        name: "the targets", expected: "one for each of \(leaves.count) outputs",
        found: "\(types.moreTargets.count + 1)")
    }
    return leaves
  }

  /// Inputs of the graph for the targets.
  func targets(of types: BatchStream.Types) -> [SymbolicTensor] {
    ([types.targets] + types.moreTargets).enumerated().map { index, type in
      trace.input(type, name: index == 0 ? "targets" : "targets \(index)")
    }
  }
}

/// What a training makes small: a loss, or what somebody traces in its place.
struct TrainingObjective {
  /// Of the first output; of all, where no others are given.
  var loss: Loss
  /// Of the outputs behind the first.
  var moreLosses: [Loss] = []
  var custom: Trainer.Objective?

  /// - Throws: `TrainingError.invalidOption` for another number of losses than outputs.
  func value(
    _ outputs: [SymbolicTensor], features: SymbolicTensor, targets: [SymbolicTensor]
  ) throws -> SymbolicTensor {
    guard let custom else {
      guard moreLosses.isEmpty || moreLosses.count == outputs.count - 1 else {
        throw TrainingError.invalidOption(
          name: "the losses", expected: "one for each of \(outputs.count) outputs", found: "\(moreLosses.count + 1)")
      }
      let first = try loss.scalar(outputs[0], target: targets[0])
      return try (1..<outputs.count).reduce(first) { sum, index in
        let loss = moreLosses.isEmpty ? loss : moreLosses[index - 1]
        let value = try loss.scalar(outputs[index], target: targets[index])
        return try sum + value.cast(to: sum.dtype)
      }
    }
    let value = try custom(outputs[0], features, targets[0])
    guard value.shape.isEmpty, value.dtype.isFloatingPoint else {
      throw TrainingError.invalidOption(
        name: "the objective", expected: "a floating-point scalar", found: "\(value.type)")
    }
    return try value.atLeastFloat32()
  }
}
