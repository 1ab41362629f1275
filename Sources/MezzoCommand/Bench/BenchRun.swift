import Mezzo

/// Iterations of a workload and what they took.
struct BenchRun {
  /// Not timed, since caches and clocks settle in them.
  private static let warmUps = 5

  /// Of each iteration, in milliseconds.
  var times: [Double] = []
  /// What tells whether the work was done right: the first losses of a training, or up to 64 elements of the result.
  var check: [Double] = []

  init(_ workload: inout any BenchWorkload, seconds: Double, most iterations: Int) throws {
    try workload.reset()
    for _ in 0..<Self.warmUps {
      if let loss = try workload.iterate() { check.append(loss) }
    }
    let clock = ContinuousClock()
    let begin = clock.now
    var before = begin
    repeat {
      _ = try workload.iterate()
      let now = clock.now
      times.append((now - before).milliseconds)
      before = now
    } while (before - begin).milliseconds < seconds * 1e3 && times.count < iterations
    if let result = workload.result {
      let elements = result.scalars()
      let count = min(64, elements.count)
      check = (0..<count).map { elements[$0 * elements.count / count] }
    }
  }

  var median: Double { times.median }
}

extension [Double] {
  /// NaN of none.
  var median: Double {
    let sorted = sorted()
    return isEmpty ? .nan : (sorted[count / 2] + sorted[(count - 1) / 2]) / 2
  }
}
