import Dispatch
import Mezzo
import MezzoPolicy

/// `mezzo bench --together`: several models in one process, each called from a thread of its own.
struct ConcurrentBench {
  /// What one thread iterates.
  struct Contestant {
    var request: BenchRequest
    var variant: String
    fileprivate let workload: Locked<any BenchWorkload>

    init(_ request: BenchRequest, variant: String, runtime: Runtime) throws {
      self.request = request
      self.variant = variant
      let setting = try BenchSetting(request.kind, variant: variant, runtime: runtime, seed: 0)
      workload = Locked(try request.kind.make(request.parameters, setting))
    }
  }

  struct Measurement: Encodable {
    var workload: String
    var title: String
    var policy: String
    var aloneMilliseconds: Double
    var togetherMilliseconds: Double
    /// Iterations in a time beside the others, by those in the same time alone.
    var share: Double
  }

  /// Alone and together take turns, so that a clock that drifts meets both.
  private static let rounds = 3

  /// - Parameter seconds: for each contestant alone, and for all together.
  static func measure(_ contestants: [Contestant], seconds: Double) throws -> [Measurement] {
    let turn = Duration.seconds(seconds / Double(rounds))
    var alone = contestants.map { _ in [Double]() }
    var together = alone
    for contestant in contestants { _ = try times(of: [contestant], for: .zero) }
    for _ in 0..<rounds {
      for index in contestants.indices { alone[index] += try times(of: [contestants[index]], for: turn)[0] }
      for (index, times) in try times(of: contestants, for: turn).enumerated() { together[index] += times }
    }
    return contestants.indices.map { index in
      Measurement(
        workload: contestants[index].request.name, title: contestants[index].request.kind.title,
        policy: contestants[index].variant,
        aloneMilliseconds: alone[index].median, togetherMilliseconds: together[index].median,
        share: together[index].rate / alone[index].rate)
    }
  }

  /// Of the iterations of each, in milliseconds; all begin at once.
  private static func times(of contestants: [Contestant], for duration: Duration) throws -> [[Double]] {
    let (ready, start) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let group = DispatchGroup()
    let outcomes = contestants.map { _ in Locked<Result<[Double], any Error>>(.success([])) }
    for (contestant, outcome) in zip(contestants, outcomes) {
      let workload = contestant.workload
      DispatchQueue(label: "mezzo.bench").async(group: group) {
        ready.signal()
        start.wait()
        let result = workload.withLock { workload in Result { try iterate(&workload, for: duration) } }
        outcome.withLock { $0 = result }
      }
    }
    for _ in contestants { ready.wait() }
    for _ in contestants { start.signal() }
    group.wait()
    return try outcomes.map { try $0.withLock { $0 }.get() }
  }

  private static func iterate(_ workload: inout any BenchWorkload, for duration: Duration) throws -> [Double] {
    let clock = ContinuousClock()
    let end = clock.now + duration
    var times: [Double] = []
    var before = clock.now
    repeat {
      _ = try workload.iterate()
      let now = clock.now
      times.append((now - before).milliseconds)
      before = now
    } while before < end
    return times
  }
}

extension [Double] {
  fileprivate var rate: Double { Double(count) / reduce(0, +) }
}
