/// The least times of two pieces of work that take turns.
///
/// Whatever else runs on a machine makes runs longer, never shorter, so the least of several short runs is what the work
/// takes. What stays disturbed, as by a neighbour who keeps a processor busy for ever, disturbs both alike: compared with
/// each other they say the same on an idle machine and on a busy one.
struct PairedTiming: Equatable {
  /// Nanoseconds of one run.
  var subject, reference: Double

  /// Runs of each that are made at least and at most.
  static let rounds = 12...400
  /// Nanoseconds after which it is enough, if the last rounds brought nothing new, and after which it is enough anyway.
  static let budget = 30e6...120e6
  /// Shorter work is repeated, or the clock would be most of what is measured.
  private static let leastSample = 2000.0
  private static let patience = 6
  /// Nanoseconds after which three runs are enough.
  private static let longest = 1e9
}

extension PairedTiming {
  /// - Parameters:
  ///   - clock: nanoseconds since some moment.
  ///   - subject: one run; `false` if it failed.
  init?(clock: () -> Double, subject: () -> Bool, reference: () -> Bool) {
    func repeats(_ run: () -> Bool) -> Int? {
      // The first run may load code and wake threads.
      guard run() else { return nil }
      let start = clock()
      guard run() else { return nil }
      return max(1, min(64, Int((Self.leastSample / max(clock() - start, 1)).rounded(.up))))
    }
    func sample(_ count: Int, _ run: () -> Bool) -> Double? {
      let start = clock()
      for _ in 0..<count where !run() { return nil }
      return (clock() - start) / Double(count)
    }
    guard let counts = repeats(subject).flatMap({ first in repeats(reference).map { (first, $0) } }) else { return nil }
    let start = clock()
    var least = (Double.infinity, Double.infinity)
    var quiet = 0
    for round in 1...Self.rounds.upperBound {
      guard let one = sample(counts.0, subject), let other = sample(counts.1, reference) else { return nil }
      // A gain of less than a hundredth is none.
      quiet = one < 0.99 * least.0 || other < 0.99 * least.1 ? 0 : quiet + 1
      least = (min(least.0, one), min(least.1, other))
      let spent = clock() - start
      if round >= 3 && spent > Self.longest { break }
      if round < Self.rounds.lowerBound { continue }
      if spent > Self.budget.upperBound || (spent > Self.budget.lowerBound && quiet >= Self.patience) { break }
    }
    (self.subject, self.reference) = least
  }
}
