import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoRuntime

/// The loss and the accuracy of a batch as one plan.
struct EvaluationStep {
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  private let plan: Plan
  private let weights: [Tensor]

  struct Outcome {
    var loss: Double
    var accuracy: Double?
  }

  /// - Parameter model: with the weights that it has now.
  init(_ model: Model, features: TensorType, targets: TensorType, loss: Loss) throws {
    let call = try TracedCall(model, input: features, isTraining: false) { _ in .constant }
    let target = call.trace.input(targets, name: "targets")
    let output = try call.output
    let (value, accuracy) = try call.trace.tagged(Graph.Origin(layer: "loss", phase: .forward)) {
      try (call.objective(loss(output, target: target)), loss.accuracy(output, target: target))
    }
    classes = loss.classes(of: output)
    plan = try model.runtime.makePlan(call.trace.finish([value] + (accuracy.map { [$0] } ?? [])))
    weights = try model.variables.tensors(at: call.variables.map(\.path))
  }

  func run(features: Tensor, targets: Tensor) throws -> Outcome {
    let outputs = try plan.run([features] + weights + [targets])
    return Outcome(loss: try outputs[0].scalar(), accuracy: outputs.count > 1 ? try outputs[1].scalar() : nil)
  }
}
