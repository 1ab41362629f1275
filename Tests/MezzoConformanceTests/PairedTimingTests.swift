import Dispatch
import MezzoBackend
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoConformance

/// Costs that are measured while something else goes on.
@Suite struct PairedTimingTests {
  /// A machine on which time passes only as the test says.
  private final class Machine {
    var now = 0.0
    private var random = SplitMix(state: 9)
    /// How much longer work takes at the moment.
    let load: (Int, inout SplitMix) -> Double
    private var runs = 0

    init(load: @escaping (Int, inout SplitMix) -> Double) { self.load = load }

    func work(_ nanoseconds: Double) -> Bool {
      runs += 1
      now += nanoseconds * load(runs, &random)
      return true
    }

    func timing(_ subject: Double, _ reference: Double) -> PairedTiming? {
      PairedTiming(clock: { self.now }, subject: { self.work(subject) }, reference: { self.work(reference) })
    }
  }

  @Test func onAnIdleMachineTimesAreWhatTheyAre() {
    #expect(Machine { _, _ in 1 }.timing(10_000, 5000) == PairedTiming(subject: 10_000, reference: 5000))
  }

  /// Two of three runs are interrupted, each for a time of its own.
  @Test func interruptionsDoNotCount() throws {
    let machine = Machine { _, random in random.next() % 3 == 0 ? 1 : 2 + Double(random.next() % 5000) / 10 }
    let timing = try #require(machine.timing(50_000, 20_000))
    #expect(timing.subject < 60_000 && timing.reference < 24_000, "\(timing)")
  }

  /// A neighbour for ever: both are slower, and what is compared stays.
  @Test(arguments: [3.0, 40.0]) func whatNeverEndsChangesNoRatio(_ factor: Double) throws {
    let timing = try #require(Machine { _, _ in factor }.timing(80_000, 20_000))
    #expect(abs(timing.subject / timing.reference - 4) < 1e-6)
  }

  /// A load that comes in the middle of the measurement hits neither alone.
  @Test func aLoadThatComesLaterChangesNothing() throws {
    let timing = try #require(Machine { run, _ in run < 16 ? 1 : 64 }.timing(40_000, 40_000))
    #expect(timing == PairedTiming(subject: 40_000, reference: 40_000))
  }

  @Test func aMeasurementEnds() throws {
    let slow = Machine { _, _ in 1 }
    #expect(try #require(slow.timing(1e9, 1e6)).subject == 1e9)
    #expect(slow.now < 6e9, "few rounds where one is long")
    let endless = Machine { run, _ in 1 / Double(run) }
    #expect(endless.timing(1e6, 1e6) != nil)
    #expect(PairedTiming(clock: { 0 }, subject: { false }, reference: { true }) == nil)
    #expect(PairedTiming(clock: { 0 }, subject: { true }, reference: { false }) == nil)
  }

  /// The built-in backend under another name costs as much as itself, also where all processors are busy. With times alone,
  /// such a load has driven backends from their routes.
  @Test func aBusyMachineDoesNotChangeWhatIsMeasured() throws {
    let builtin = try #require(BackendRegistry.builtin().backends.first)
    let rule = try #require(builtin.rules.first { $0.name == "matmul.f32" })
    let twin = Twin(builtin, rule)
    let isOver = Locked(false)
    let loads = DispatchGroup()
    for _ in 0..<(2 * HostServices.threads) {
      DispatchQueue.global().async(group: loads) {
        var number = 1.0
        while !isOver.withLock({ $0 }) { for _ in 0..<1000 { number = (number * 1.000001).squareRoot() } }
      }
    }
    defer {
      isOver.withLock { $0 = true }
      loads.wait()
    }
    var kit = ConformanceKit(backend: twin, reference: builtin)
    kit.levels = [.honesty]
    let result = try #require(kit.run().rules.first)
    let (scaled, declared) = (try #require(result.scaled), try #require(result.declared))
    // Far within the bounds of a correction, which are a factor of 64.
    #expect(scaled < 8 * declared && declared < 8 * scaled, "\(scaled) ns, declared \(declared) ns")
  }

  /// Another backend's rule under another id.
  private final class Twin: Backend {
    let id = "twin"
    let version = "1"
    let origin = "a test"
    let rules: [Rule]
    private let inner: any Backend

    init(_ inner: any Backend, _ rule: Rule) { (self.inner, rules) = (inner, [rule]) }

    func prepare(
      _ request: OperationRequest, rule: Rule, threads: Int
    ) throws(BackendError) -> any PreparedOperation {
      try inner.prepare(request, rule: rule, threads: threads)
    }
  }
}
