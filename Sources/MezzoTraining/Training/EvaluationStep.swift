import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoRuntime

/// The loss and the accuracy of a batch as one plan.
struct EvaluationStep {
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  private let plan: Plan
  private let hasAccuracy: Bool
  private let paths: [String]

  struct Outcome {
    var loss: Double
    var accuracy: Double?
    /// What the model gave, if it was asked for.
    var output: Tensor?
  }

  /// - Parameter givesOutput: whether outcomes have the output.
  init(
    _ model: Model, _ types: BatchStream.Types, _ objective: TrainingObjective, givesOutput: Bool = false
  ) throws {
    let call = try TracedCall(model, inputs: types.arguments, isTraining: false) { _ in .constant }
    let outputs = try call.outputs(of: types)
    let targets = call.targets(of: types)
    let (output, loss) = (outputs[0], objective.loss)
    let (value, accuracy) = try call.trace.tagged(Graph.Origin(layer: "loss", phase: .forward)) {
      let value = try objective.value(outputs, features: output, targets: targets)
      return try (call.objective(value), loss.accuracy(output, target: targets[0]))
    }
    classes = loss.classes(of: output)
    hasAccuracy = accuracy != nil
    plan = try model.runtime.makePlan(
      call.trace.finish([value] + [accuracy, givesOutput ? output : nil].compactMap { $0 }))
    paths = call.variables.map(\.path)
  }

  func run(_ batch: TrainingBatch, weights: Variables) throws -> Outcome {
    let outputs = try plan.run(
      [batch.features] + batch.moreFeatures + weights.tensors(at: paths) + [batch.targets] + batch.moreTargets)
    let place = hasAccuracy ? 2 : 1
    return Outcome(
      loss: try outputs[0].scalar(), accuracy: hasAccuracy ? try outputs[1].scalar() : nil,
      output: outputs.count > place ? outputs[place] : nil)
  }
}
