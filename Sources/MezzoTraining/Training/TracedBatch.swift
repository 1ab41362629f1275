import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Forward and loss over one batch as part of a graph, ready for gradients.
struct TracedBatch {
  let call: TracedCall
  private let outputs: TracedOutputs
  /// What the loss is to be multiplied by, float32.
  let scale: SymbolicTensor
  /// Without the scale; with what regularizers add.
  let loss: SymbolicTensor
  /// What is told of the batch beside the loss.
  let results: TracedResults
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  let trainable: [VariableSpec]
  /// The trainable variables as they are stored.
  let variables: [SymbolicTensor]

  static let updateOrigin = Graph.Origin(layer: "optimizer", phase: .update)
  private static let lossOrigin = Graph.Origin(layer: "loss", phase: .forward)

  /// - Parameters:
  ///   - shown: the outputs that metrics see.
  ///   - role: of the trainable variables.
  init(
    _ model: Model, types: BatchStream.Types, objective: TrainingObjective, shown: Set<Int>,
    role: Graph.Role
  ) throws {
    call = try TracedCall(model, inputs: types.arguments, isTraining: true) {
      $0.isTrainable ? role : .constant
    }
    let outputs = try TracedOutputs(call, types, of: model.layer)
    self.outputs = outputs
    classes = objective.custom == nil ? objective.loss.classes(of: outputs.tensors[0]) : nil
    trainable = call.variables.filter(\.isTrainable)
    guard !trainable.isEmpty else { throw TrainingError.frozen }
    variables = trainable.compactMap { [call] in call.symbol($0.path) }
    let trace = call.trace
    scale = trace.input(TensorType(.float32, []), name: "loss scale")
    let traced = try trace.tagged(Self.lossOrigin) { [call] in
      var traced = try objective.traced(
        outputs, features: call.inputs.positional.first?.tensor ?? outputs.tensors[0])
      traced.value = try call.objective(traced.value)
      return traced
    }
    loss = traced.value
    results = TracedResults(
      traced.measures, outputs: outputs.tensors, masks: outputs.masks, names: outputs.names,
      shown: shown)
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
    for (index, target) in outputs.targets.enumerated() {
      feeds[target.id] = index == 0 ? .targets : .moreTargets(index - 1)
    }
    for (index, weight) in outputs.weights.enumerated() { feeds[weight.id] = .sampleWeights(index) }
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
