import Mezzo

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// `mezzo bench --calls`: what calling a backend takes beside its work.
struct CallBench {
  struct Measurement: Encodable {
    var path: String
    var arguments: Int
    /// A call, of the best round.
    var nanoseconds: Double
    /// In 1000 calls; `null` where nobody counts.
    var allocations: OrNull<Int>
  }

  static func measure(seconds: Double) throws -> [Measurement] {
    guard let library = CallCost.library, access(library, R_OK) == 0 else {
      throw BenchError.noLibrary(CallCost.library ?? "MezzoCalls")
    }
    countAllocations(library)
    let cost = try CallCost(library: library)
    let calls = cost.paths.map { path in
      Measurement(
        path: path.name, arguments: path.arguments, nanoseconds: cost.nanoseconds(path, for: .seconds(seconds)),
        allocations: OrNull(cost.allocations(path)))
    }
    return calls + readsOfPolicies(for: .seconds(seconds))
  }

  /// What it takes to ask which policy is in effect, as a layer does once, when it is made.
  private static func readsOfPolicies(for duration: Duration) -> [Measurement] {
    func row(_ path: String, _ read: () -> DTypePolicy) -> Measurement {
      Measurement(path: path, arguments: 0, nanoseconds: nanoseconds(of: read, for: duration), allocations: OrNull(nil))
    }
    let layer = Dense(1)
    return [
      row("the global policy") { globalPolicy() },
      withPolicy(.mixedBFloat16) { row("the policy of a scope") { globalPolicy() } },
      row("the policy of a layer") { layer.policy },
    ]
  }

  /// Of one read, in the best of the rounds of 1000.
  private static func nanoseconds(of read: () -> DTypePolicy, for duration: Duration) -> Double {
    let clock = ContinuousClock()
    let end = clock.now + duration
    var best = Duration.seconds(1)
    repeat {
      best = min(best, clock.measure { for _ in 0..<1000 { keep(read()) } })
    } while clock.now < end
    return Double(best.components.attoseconds) / 1e12
  }

  /// So that no read is left out because nobody uses it.
  @inline(never) private static func keep(_ policy: DTypePolicy) {}

  /// Begins this program anew with the library in front of the C library, where allocations pass through it.
  ///
  /// Returns where that was done, or cannot be; then they are not counted.
  private static func countAllocations(_ library: String) {
    #if canImport(Glibc)
      guard !CallCost.counts, CallCost.canCount, getenv("LD_PRELOAD") == nil else { return }
      setenv("LD_PRELOAD", library, 1)
      var words = CommandLine.arguments.map { strdup($0) } + [nil]
      execv("/proc/self/exe", &words)
      for word in words { free(word) }
    #endif
  }

  static func table(_ measurements: [Measurement]) -> TextTable {
    TextTable(
      header: ["a call by", "arguments", "takes", "allocations in 1000"],
      rows: measurements.map { row in
        [
          row.path, "\(row.arguments)", "\((row.nanoseconds * 10).rounded() / 10) ns",
          row.allocations.value.map { "\($0)" } ?? "not counted here",
        ]
      })
  }
}
