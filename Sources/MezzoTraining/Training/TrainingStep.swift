import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// One step of training as one plan: forward, loss, backward, unscaling, the check for finiteness and the update.
struct TrainingStep {
  let plan: TrainingPlan
  let slots: [(name: String, slot: OptimizerSlot)]
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  let results: TracedResults

  init(
    _ model: Model, types: BatchStream.Types, objective: TrainingObjective,
    optimizer: any Optimizer, isScaled: Bool, shown: Set<Int> = []
  ) throws {
    let batch = try TracedBatch(
      model, types: types, objective: objective, shown: shown, role: .state)
    let trace = batch.trace
    let rate = trace.input(TensorType(.float64, []), name: "learning rate")
    let step = trace.input(TensorType(.int64, []), name: "step")
    let gradients: Gradients<SymbolicTensor>
    if isScaled {
      let scaled = try batch.scaledGradients()
      gradients = try trace.tagged(TracedBatch.updateOrigin) { try scaled.unscaled() }
    } else {
      gradients = try batch.gradients()
    }
    // Also without a scale: an update with infinities would ruin the weights that the error promises to keep.
    let apply = try trace.tagged(TracedBatch.updateOrigin) {
      let isFinite = try batch.loss.allFinite()
      return try gradients.areFinite()?.and(isFinite) ?? isFinite
    }
    let updates = try VariableUpdates(
      optimizer, batch.variables, paths: batch.trainable.map(\.path), gradients: gradients,
      constraints: batch.trainable.map(\.constraint),
      schedule: UpdateSchedule(rate: rate, step: step, apply: apply))
    let graph = trace.finish(
      [batch.loss, apply] + batch.results.symbols,
      updates: updates.updates + (try batch.assignments(where: apply)))
    plan = try TrainingPlan(
      graph, on: model.runtime, feeds: batch.feeds.merging([rate.id: .rate, step.id: .step]) { _, new in new })
    slots = updates.slots
    classes = batch.classes
    results = batch.results
  }

  func run(
    _ batch: TrainingBatch, _ store: inout TrainingStore, _ scalars: TrainingPlan.Scalars
  ) throws -> TrainingOutcome {
    let outputs = try plan.run(batch, &store, scalars)
    let isApplied = try outputs[1].scalar() != 0
    return TrainingOutcome(
      loss: try outputs[0].scalar(), isApplied: isApplied,
      firstNonFinite: isApplied ? nil : try plan.firstNonFinite(batch, store, scalars),
      results: [try results.read(outputs[2...])])
  }
}
