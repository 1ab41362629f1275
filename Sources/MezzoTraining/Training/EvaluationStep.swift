import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoRuntime

/// The loss and the other measures of a batch as one plan.
struct EvaluationStep {
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  let results: TracedResults
  private let plan: Plan
  private let paths: [String]

  /// - Parameter shown: the outputs that metrics see.
  init(_ model: Model, _ types: BatchStream.Types, _ objective: TrainingObjective, shown: Set<Int>)
    throws
  {
    let call = try TracedCall(model, inputs: types.arguments, isTraining: false) { _ in .constant }
    let outputs = try TracedOutputs(call, types, of: model.layer)
    let traced = try call.trace.tagged(Graph.Origin(layer: "loss", phase: .forward)) {
      var traced = try objective.traced(outputs, features: outputs.tensors[0])
      traced.value = try call.objective(traced.value)
      return traced
    }
    classes = objective.loss.classes(of: outputs.tensors[0])
    results = TracedResults(
      traced.measures, outputs: outputs.tensors, masks: outputs.masks, names: outputs.names,
      shown: shown)
    plan = try model.runtime.makePlan(call.trace.finish([traced.value] + results.symbols))
    paths = call.variables.map(\.path)
  }

  func run(_ batch: TrainingBatch, weights: Variables) throws -> (
    loss: Double, results: BatchResults
  ) {
    let outputs = try plan.run(
      [batch.features] + batch.moreFeatures + weights.tensors(at: paths) + [batch.targets]
        + batch.moreTargets
        + batch.sampleWeights)
    return (try outputs[0].scalar(), try results.read(outputs[1...]))
  }
}
