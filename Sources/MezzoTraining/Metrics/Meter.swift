import MezzoBackend
public import MezzoGraph
import MezzoPolicy
public import MezzoRuntime

/// A ``Metric`` over the batches that it was shown.
public struct Meter: Sendable {
  public let metric: Metric
  /// Sums so far, in the metric's dtype.
  public internal(set) var state: [Tensor]
  private let runtime: Runtime
  /// By the types of what it is shown.
  private var plans: [[TensorType]: Plan] = [:]

  /// Streams of ever new types must not pile plans up.
  private static let planLimit = 16

  /// - Throws: `TrainingError.invalidOption` for a dtype that is not floating and for less than two thresholds of a curve.
  public init(_ metric: Metric, on runtime: Runtime = .shared) throws {
    guard metric.dtype.isFloatingPoint else {
      throw TrainingError.invalidOption(
        name: "the dtype of \(metric.name)", expected: "a floating-point one", found: metric.dtype.name)
    }
    if case .auc(_, let count) = metric.kind, count < 2 {
      throw TrainingError.invalidOption(
        name: "the thresholds of \(metric.name)", expected: "at least 2", found: "\(count)")
    }
    self.metric = metric
    self.runtime = runtime
    state = try Self.initialState(metric)
  }

  private static func initialState(_ metric: Metric) throws -> [Tensor] {
    if let thresholds = metric.kind.thresholds {
      let zeros = try Tensor(zeros: TensorType(metric.dtype, [thresholds.count]))
      return [zeros, zeros, zeros, zeros]
    }
    let zero = try Tensor(zeros: TensorType(metric.dtype, []))
    return metric.kind == .sum ? [zero] : [zero, zero]
  }

  /// Forgets what it was shown.
  public mutating func reset() throws { state = try Self.initialState(metric) }

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
    let types = given.map(\.type)
    let plan: Plan
    if let known = plans[types] {
      plan = known
    } else {
      plan = try makePlan(types, isWeighted: sampleWeight != nil, hasThresholds: thresholds != nil)
      if plans.count >= Self.planLimit { plans.removeAll() }
      plans[types] = plan
    }
    state = try plan.run(state + given)
  }

  private func makePlan(_ types: [TensorType], isWeighted: Bool, hasThresholds: Bool) throws -> Plan {
    let trace = Trace()
    let state = state.map { trace.input($0.type, name: "state") }
    let given = types.map { trace.input($0, name: "given") }
    let takesTarget = metric.kind.takesTargets
    let target = takesTarget ? given[1] : nil
    let weights = isWeighted ? given[takesTarget ? 2 : 1] : nil
    let new: [SymbolicTensor]
    if hasThresholds, let target {
      new = try metric.kind.counts(
        given[0], target: target, thresholds: given[given.count - 1], weights: weights, dtype: metric.dtype)
    } else {
      let values = try metric.kind.values(given[0], target: target, dtype: metric.dtype)
      let shares = try weights?.weighting(values)
      let sum = try (shares.map { try values * $0 } ?? values).sum()
      let count = try shares?.sum() ?? values.trace.constant(Double(values.shape.reduce(1, *)), dtype: metric.dtype)
      new = metric.kind == .sum ? [sum] : [sum, count]
    }
    return try runtime.makePlan(trace.finish(zip(state, new).map { try $0 + $1 }))
  }

  /// The metric of all that it was shown, in its dtype; 0 if that was nothing.
  public func result() throws -> Tensor { try Tensor(value, dtype: metric.dtype) }

  private var value: Double {
    let sums = state.map { $0.scalars() }
    func ratio(_ part: Double, _ whole: Double) -> Double { whole == 0 ? 0 : part / whole }
    switch metric.kind {
    case .sum: return sums[0][0]
    case .rootMeanSquaredError: return ratio(sums[0][0], sums[1][0]).squareRoot()
    case .truePositives: return sums[0][0]
    case .falsePositives: return sums[1][0]
    case .trueNegatives: return sums[2][0]
    case .falseNegatives: return sums[3][0]
    case .precision: return ratio(sums[0][0], sums[0][0] + sums[1][0])
    case .recall: return ratio(sums[0][0], sums[0][0] + sums[3][0])
    case .auc(let curve, _):
      let counts = ThresholdCounts(
        truePositives: sums[0], falsePositives: sums[1], trueNegatives: sums[2], falseNegatives: sums[3])
      return counts.area(under: curve)
    default: return ratio(sums[0][0], sums[1][0])
    }
  }
}
