import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// One step of training over several batches: their gradients are summed, and one update follows.
///
/// Sums are kept in at least float32 with the loss scale in them, which is taken out once. Each batch counts by its share of
/// the examples, so that the step is that of one large batch. Every batch is checked; one whose loss or gradients are not
/// finite ends the step, and nothing of it is applied.
struct AccumulatingStep {
  let slots: [(name: String, slot: OptimizerSlot)]
  /// The model's output has this many classes, where the loss asks for classes.
  let classes: Int?
  let outputNames: [String]
  /// Add the gradients of one batch to the sums.
  private var batches = RecentlyUsed<BatchStream.Types, BatchPlan>(limit: Trainer.planLimit)
  private let make: (_ types: BatchStream.Types) throws -> BatchPlan
  private let update: TrainingPlan
  private let sums: [(name: String, type: TensorType)]

  private struct BatchPlan {
    var plan: TrainingPlan
    var trainable: [VariableSpec]
    var classes: Int?
    var results: TracedResults
    /// Variables that layers assign to.
    var assigned: [String]
  }

  /// - Parameter types: of a whole batch.
  init(
    _ model: Model, types: BatchStream.Types, objective: TrainingObjective,
    optimizer: any Optimizer, shown: Set<Int>
  ) throws {
    make = { try Self.accumulation(model, types: $0, objective: objective, shown: shown) }
    let first = try make(types)
    batches[types] = first
    classes = first.classes
    outputNames = first.results.outputNames
    sums = first.trainable.map {
      (Self.sumName($0.path), TensorType(Self.sumDType($0.type.dtype), $0.type.shape))
    }

    let trace = Trace()
    let variables = first.trainable.map { trace.input($0.type, name: $0.path, role: .state) }
    let given = sums.map { trace.input($0.type, name: $0.name) }
    let scale = trace.input(TensorType(.float32, []), name: "loss scale")
    let rate = trace.input(TensorType(.float64, []), name: "learning rate")
    let step = trace.input(TensorType(.int64, []), name: "step")
    let (gradients, apply) = try trace.tagged(TracedBatch.updateOrigin) {
      let gradients = try ScaledGradients(given, scale: scale).unscaled()
      return (gradients, try gradients.areFinite() ?? trace.constant(1, dtype: .bool))
    }
    let updates = try VariableUpdates(
      optimizer, variables, paths: first.trainable.map(\.path), gradients: gradients,
      constraints: first.trainable.map(\.constraint),
      schedule: UpdateSchedule(rate: rate, step: step, apply: apply))
    var feeds: [Graph.ValueID: TrainingPlan.Feed] = [scale.id: .lossScale, rate.id: .rate, step.id: .step]
    for (symbol, sum) in zip(given, sums) { feeds[symbol.id] = .stored(sum.name) }
    update = try TrainingPlan(trace.finish([apply], updates: updates.updates), on: model.runtime, feeds: feeds)
    slots = updates.slots
  }

  /// The plan of the batch that came last.
  var plan: Plan? { batches.latest?.plan.plan }

  /// - Parameters:
  ///   - types: what each batch is planned as.
  ///   - scalars: one for each batch; those of the last are the update's.
  mutating func run(
    _ batches: [TrainingBatch], as types: [BatchStream.Types], _ store: inout TrainingStore,
    _ scalars: [TrainingPlan.Scalars]
  ) throws -> TrainingOutcome {
    // What cannot be planned must not leave half an update behind.
    let steps = try types.map { try plan($0) }
    try clearSums(&store)
    var outcome = TrainingOutcome(loss: 0, isApplied: true, firstNonFinite: nil)
    var assigned: [String: Tensor] = [:]
    for ((batch, step), scalars) in zip(zip(batches, steps), scalars) where outcome.isApplied {
      for name in step.assigned where assigned[name] == nil { assigned[name] = try store[name] }
      let outputs = try step.plan.run(batch, &store, scalars)
      let loss = try outputs[0].scalar()
      outcome.isApplied = try outputs[1].scalar() != 0
      if outcome.isApplied {
        outcome.loss += loss * scalars.share
        outcome.results.append(try step.results.read(outputs[2...]))
      } else {
        outcome.loss = loss
        // They have the infinities already that are to be traced to where they come from.
        try clearSums(&store)
        outcome.firstNonFinite = try step.plan.firstNonFinite(batch, store, scalars)
      }
    }
    if outcome.isApplied, let last = scalars.last {
      outcome.isApplied = try update.run(nil, &store, last)[0].scalar() != 0
      if !outcome.isApplied { outcome.firstNonFinite = try update.firstNonFinite(nil, store, last) }
    }
    // Batches before the one that was not finite have assigned already.
    if !outcome.isApplied { for (name, tensor) in assigned { store.set(name, tensor) } }
    return outcome
  }

  private func clearSums(_ store: inout TrainingStore) throws {
    for sum in sums { store.set(sum.name, try Tensor(zeros: sum.type)) }
  }

  private mutating func plan(_ types: BatchStream.Types) throws -> BatchPlan {
    if let known = batches[types] { return known }
    let made = try make(types)
    batches[types] = made
    return made
  }

  private static func accumulation(
    _ model: Model, types: BatchStream.Types, objective: TrainingObjective, shown: Set<Int>
  ) throws -> BatchPlan {
    // Constants here: what is made of them, such as weights in float16, serves all batches of a step.
    let batch = try TracedBatch(
      model, types: types, objective: objective, shown: shown, role: .constant)
    let trace = batch.trace
    let share = trace.input(TensorType(.float64, []), name: "share")
    let scaled = try batch.scaledGradients()
    let sums = batch.trainable.map { spec in
      trace.input(
        TensorType(sumDType(spec.type.dtype), spec.type.shape), name: sumName(spec.path), role: .state)
    }
    let (isFinite, updates) = try trace.tagged(TracedBatch.updateOrigin) {
      let lossIsFinite = try batch.loss.allFinite()
      return (
        try scaled.areFinite()?.and(lossIsFinite) ?? lossIsFinite, try scaled.added(to: sums, share: share)
      )
    }
    let assignments = try batch.assignments(where: isFinite)
    let graph = trace.finish(
      [batch.loss, isFinite] + batch.results.symbols,
      updates: zip(sums, updates).map { ($0, $1) } + assignments)
    return BatchPlan(
      plan: try TrainingPlan(
        graph, on: model.runtime, feeds: batch.feeds.merging([share.id: .share]) { _, new in new }),
      trainable: batch.trainable, classes: batch.classes, results: batch.results,
      assigned: batch.call.assignments.map(\.variable.path))
  }

  private static func sumName(_ path: String) -> String { VariableUpdates.slotName(sumSlot, of: path) }
  static let sumSlot = "gradient sum"
  private static func sumDType(_ dtype: DType) -> DType { dtype == .float64 ? .float64 : .float32 }
}

extension ScaledGradients where Value == SymbolicTensor {
  /// `sum + gradient · share` for each, in the dtype of the sums.
  fileprivate func added(to sums: [SymbolicTensor], share: SymbolicTensor) throws -> [SymbolicTensor] {
    try zip(sums, values).map { sum, gradient in
      guard let gradient else { return sum }
      return try sum + gradient.cast(to: sum.dtype) * share.cast(to: sum.dtype)
    }
  }
}
