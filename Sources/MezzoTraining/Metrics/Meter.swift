import MezzoBackend
public import MezzoGraph
import MezzoPolicy
public import MezzoRuntime

/// A ``Metric`` over the batches that it was shown.
public struct Meter: Sendable {
  public let metric: Metric
  /// Sums so far, in the metric's dtype.
  public private(set) var state: [Tensor]
  private let runtime: Runtime

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
  /// - Throws: `GraphError` or `RuntimeError`, with nothing taken in.
  public mutating func update(_ output: Tensor, target: Tensor? = nil, sampleWeight: Tensor? = nil) throws {
    guard !metric.kind.takesTargets || target != nil else {
      throw TrainingError.invalidOption(name: "the target of \(metric.name)", expected: "given", found: "none")
    }
    let thresholds = try metric.kind.thresholds.map { try Tensor($0, shape: [$0.count], dtype: .float64) }
    let given = [output] + [metric.kind.takesTargets ? target : nil, sampleWeight, thresholds].compactMap { $0 }
    let (metric, takesTarget, isWeighted) = (metric, metric.kind.takesTargets, sampleWeight != nil)
    let new = try runtime.evaluate(state + given) { symbols in
      let (state, given) = (Array(symbols[..<self.state.count]), Array(symbols[self.state.count...]))
      let new = try metric.contribution(
        given[0], target: takesTarget ? given[1] : nil, thresholds: thresholds == nil ? nil : given[given.count - 1],
        weights: isWeighted ? given[takesTarget ? 2 : 1] : nil)
      return state.isEmpty ? new : try zip(state, new).map { try $0 + $1 }
    }
    guard state.isEmpty || zip(state, new).allSatisfy({ $0.type == $1.type }) else {
      throw TrainingError.invalidOption(
        name: "the outputs of \(metric.name)", expected: "as many as in the batches before",
        found: "\(output.type)")
    }
    state = new
  }

  /// The metric of all that it was shown, in its dtype; 0 if that was nothing. A scalar, but for scores that are not averaged,
  /// `[classes]`.
  public func result() throws -> Tensor {
    let values = metric.values(of: state)
    return values.count == 1
      ? try Tensor(values[0], dtype: metric.dtype) : try Tensor(values, shape: [values.count], dtype: metric.dtype)
  }
}
