import MezzoBackend
public import MezzoGraph
import MezzoLayers
import MezzoPolicy
public import MezzoRuntime

/// A ``Metric`` over the batches that it was shown.
public struct Meter: Sendable {
  public let metric: Metric
  /// Sums so far, in the metric's dtype.
  public internal(set) var state: [Tensor]
  private let runtime: Runtime
  /// By the types of what it is shown.
  private var plans = RecentlyUsed<[TensorType], Plan>(limit: Trainer.planLimit)

  /// - Throws: `TrainingError.invalidOption` for settings that count nothing, such as a dtype that is not floating.
  public init(_ metric: Metric, on runtime: Runtime = .shared) throws {
    try metric.check()
    self.metric = metric
    self.runtime = runtime
    state = try metric.initialState()
  }

  /// Forgets what it was shown.
  public mutating func reset() throws { state = try metric.initialState() }

  /// Takes in a batch.
  ///
  /// - Parameters:
  ///   - output: `[batch, …]`; for means and sums any values.
  ///   - target: what the output should be, in the shapes of ``Loss``.
  ///   - sampleWeight: what each example counts.
  ///   - mask: `bool[batch, …]`, which places count; by default all.
  /// - Throws: `GraphError` or `RuntimeError`, with nothing taken in.
  public mutating func update(
    _ output: Tensor, target: Tensor? = nil, sampleWeight: Tensor? = nil, mask: Tensor? = nil
  ) throws {
    guard !metric.kind.takesTargets || target != nil else {
      throw TrainingError.invalidOption(name: "the target of \(metric.name)", expected: "given", found: "none")
    }
    let thresholds = try metric.kind.thresholds.map {
      try Tensor($0, shape: [$0.count], dtype: .float64)
    }
    let all = [output, metric.kind.takesTargets ? target : nil, sampleWeight, mask, thresholds]
    let given = all.compactMap { $0 }
    // What is not there is told from what is by a type that nothing has.
    let types = all.map { $0?.type ?? Self.nothing }
    let plan: Plan
    if !state.isEmpty, let known = plans[types] {
      plan = known
    } else {
      plan = try makePlan(types, output: output.type)
      // The first plan of a metric that begins without a state is good for its first batch alone.
      if !state.isEmpty { plans[types] = plan }
    }
    state = try plan.run(state + given)
  }

  private func differs(_ output: TensorType) -> TrainingError {
    .invalidOption(
      name: "the outputs of \(metric.name)", expected: "as many as in the batches before", found: "\(output)")
  }

  private static let nothing = TensorType(.bool, [-1])

  /// - Parameter types: of output, target, weights, mask and thresholds.
  private func makePlan(_ types: [TensorType], output: TensorType) throws -> Plan {
    let trace = Trace()
    let state = state.map { trace.input($0.type, name: "state") }
    let given = types.map { $0 == Self.nothing ? nil : trace.input($0, name: "given") }
    let shown = given[0] ?? trace.input(output, name: "given")
    let new = try metric.contribution(
      shown, target: given[1], thresholds: given[4],
      weights: SymbolicTensor.weights(given[2], masked: given[3]))
    guard state.isEmpty || zip(state, new).allSatisfy({ $0.type == $1.type }) else {
      throw differs(output)
    }
    return try runtime.makePlan(
      trace.finish(state.isEmpty ? new : zip(state, new).map { try $0 + $1 }))
  }

  /// The metric of all that it was shown, in its dtype; 0 if that was nothing. A scalar, but for scores that are not averaged,
  /// `[classes]`.
  public func result() throws -> Tensor {
    let values = metric.values(of: state)
    return values.count == 1
      ? try Tensor(values[0], dtype: metric.dtype) : try Tensor(values, shape: [values.count], dtype: metric.dtype)
  }
}
