import CMezzoABI
import CMezzoHost
import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Notes when each operation of a runtime's plans began and how long it took.
///
/// ```swift
/// let profiler = Profiler()
/// let model = Model(runtime: Runtime(profiler: profiler)) { … }
/// _ = try model(x)
/// for (operation, total) in profiler.profile.totals { print(operation.name, total) }
/// ```
/// Two readings of the clock and a lock are added to each operation, some 100 ns; a runtime without a profiler pays nothing.
public final class Profiler: Sendable {
  private let state = Locked(Profile())
  private let start = ContinuousClock.now
  private let limit: Int

  /// - Parameter limit: how many operations are kept; of more, the latest.
  public init(limit: Int = 200_000) { self.limit = max(limit, 1) }

  /// What was noted so far.
  public var profile: Profile { state.withLock { $0 } }

  /// An operation that is noted here whenever it is executed.
  func watched(_ step: StepLayout, _ operation: any PreparedOperation) -> any PreparedOperation {
    let number = state.withLock { profile in
      profile.operations.append(Profile.Operation(step))
      return profile.operations.count - 1
    }
    return TimedOperation(operation) { begin, end, _ in self.note(number, begin, end) }
  }

  private func nanoseconds(_ instant: ContinuousClock.Instant) -> Double { (instant - start).nanoseconds }

  private func note(_ operation: Int, _ begin: ContinuousClock.Instant, _ end: ContinuousClock.Instant) {
    let call = Profile.Call(
      operation: operation, begin: nanoseconds(begin), duration: nanoseconds(end) - nanoseconds(begin),
      thread: Int(mezzo_thread_number()))
    state.withLock { profile in
      // Half at a time, so that each is moved once.
      if profile.calls.count >= 2 * limit {
        profile.calls.removeFirst(profile.calls.count - limit)
        // Of a run that has lost calls nothing can be told.
        let oldest = profile.calls[0].begin
        profile.runs.removeAll { $0.begin < oldest }
      }
      profile.calls.append(call)
    }
  }

  func noteRun(of plan: Plan, since begin: ContinuousClock.Instant) {
    let run = Profile.Run(
      plan: plan.number, begin: nanoseconds(begin), duration: nanoseconds(.now) - nanoseconds(begin),
      thread: Int(mezzo_thread_number()))
    state.withLock { profile in
      if profile.runs.count >= 2 * limit { profile.runs.removeFirst(profile.runs.count - limit) }
      profile.runs.append(run)
    }
  }
}

/// What ran, when, and for how long. Times are in nanoseconds from the making of the profiler.
public struct Profile: Sendable {
  /// An operation of a plan.
  public struct Operation: Sendable, Hashable {
    public var name: String
    /// The path of the layer, such as `encoder.attention`; empty for what belongs to none.
    public var layer: String
    public var phase: Graph.Phase
    public var backend: String
    public var rule: String
    /// As the backend was asked: dtypes, shapes, epilogue.
    public var request: String
    /// The dtype of its first operand, in which it multiplies.
    public var dtype: String
    /// Multiplications, additions and the like, as the cost model counts them.
    public var arithmetic: Double
    /// Bytes of operands and results, each once.
    public var bytes: Double
    /// Done once, from constants.
    public var isConstant: Bool
  }

  public struct Call: Sendable, Hashable {
    /// Place in ``Profile/operations``.
    public var operation: Int
    public var begin: Double
    public var duration: Double
    /// Threads are numbered from 1 in the order in which they turn up.
    public var thread: Int
  }

  /// One run of a plan, with all that is around its operations.
  public struct Run: Sendable, Hashable {
    /// Plans are numbered from 1 in the order in which they are made.
    public var plan: Int
    public var begin: Double
    public var duration: Double
    public var thread: Int
  }

  public internal(set) var operations: [Operation] = []
  public internal(set) var calls: [Call] = []
  public internal(set) var runs: [Run] = []

  /// The calls within `run`, in their order.
  public func calls(of run: Run) -> [Call] { calls(of: [run])[0] }

  /// The calls within each of `runs`.
  public func calls(of runs: [Run]) -> [[Call]] {
    // A thread notes its calls in the order in which they end.
    let threads = Dictionary(grouping: calls) { $0.thread }
    return runs.map { run in
      let own = threads[run.thread] ?? []
      var (low, high) = (0, own.count)
      while low < high {
        let middle = (low + high) / 2
        if own[middle].begin < run.begin { low = middle + 1 } else { high = middle }
      }
      return Array(own[low...].prefix { $0.begin + $0.duration <= run.begin + run.duration })
    }
  }

  /// The runs of the plan that took the most time, without its first, in which memory is touched for the first time.
  public var dominantRuns: [Run] {
    let plans = Dictionary(grouping: runs) { $0.plan }
    let longest = plans.values.max { $0.reduce(0) { $0 + $1.duration } < $1.reduce(0) { $0 + $1.duration } } ?? []
    return longest.count > 1 ? Array(longest.dropFirst()) : longest
  }

  /// Operations with the time that all their calls took, the longest first.
  public var totals: [(operation: Operation, nanoseconds: Double)] {
    var sums = [Double](repeating: 0, count: operations.count)
    for call in calls { sums[call.operation] += call.duration }
    return zip(operations, sums).map { ($0, $1) }.sorted { $0.1 > $1.1 }
  }
}

extension Profile.Operation {
  init(_ step: StepLayout) {
    self.init(
      name: step.name, layer: step.origin.layer, phase: step.origin.phase, backend: step.backend, rule: step.rule,
      request: step.request.description,
      dtype: (step.request.inputs.first ?? step.request.results.first)?.dtype.name ?? "",
      arithmetic: CostModel.operations(step.request), bytes: CostModel.bytes(step.request), isConstant: step.isConstant)
  }
}
