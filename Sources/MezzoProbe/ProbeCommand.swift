import CMezzoHost
import MezzoBackend
import MezzoConformance
import MezzoPlugins
import MezzoRuntime

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Loads one backend and tries it in a process that may die of it: with golden tests before it is let in, or with all that
/// `mezzo backend check` does. The host in MezzoPlugins starts it.
@main struct ProbeCommand {
  static func main() {
    let arguments = CommandLine.arguments
    guard arguments.count > 3, arguments[1] == "--cpu-seconds", let seconds = UInt64(arguments[2]),
      let job = Job(arguments[3...])
    else {
      refuse("mezzo-probe is started by programs that use Mezzo; 'mezzo backend check FILE' tests a backend")
    }
    // What the backend takes for its parent, and may kill, is this program and not the host.
    guard mezzo_leave_parent() == 0 else { refuse("mezzo-probe cannot start a process of its own") }
    ProbeLimits.apply(cpuSeconds: seconds)
    guard let reporter = ProbeReporter() else {
      refuse("mezzo-probe found no host that listens")
    }
    switch job {
    case .probe(let file): reporter.finish(outcome(file, reporter))
    case .check(let check): reporter.finish(check.run { reporter.phase($0.line) })
    }
  }

  private enum Job {
    /// A file, whose verdict is a `ProbeOutcome`.
    case probe(String)
    /// Whose verdict is a `ConformanceReport`.
    case check(BackendCheck)

    init?(_ arguments: ArraySlice<String>) {
      if arguments.count == 1, let file = arguments.first {
        self = .probe(file)
      } else if arguments.count == 2, arguments.first == "--check", let check = BackendCheck(line: arguments.last ?? "")
      {
        self = .check(check)
      } else {
        return nil
      }
    }
  }

  private static func refuse(_ message: String) -> Never {
    let line = Array("\(message)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    exit(64)
  }

  private static func outcome(_ file: String, _ reporter: ProbeReporter) -> ProbeOutcome {
    let phase = Phase(reporter)
    let backend: any Backend
    do throws(BackendError) {
      backend = try BackendFile.open(file) { phase.begin($0) }
    } catch {
      // It said so in good order, and what it lacks may be there tomorrow.
      return .declined(error.message)
    }
    reporter.id(backend.id)
    if backend.rules.isEmpty {
      return .failed(ProbeFailure(phase: "rules", cause: "it states no rules", id: backend.id))
    }
    phase.begin("tests")
    let watched = WatchedBackend(backend, phase)
    var kit = ConformanceKit(
      backend: watched, reference: BackendRegistry.builtin().backends.first, effort: .quick, guarding: .pages)
    kit.levels = [.numerics, .contract, .honesty]
    let report = kit.run { watched.isTimed = $0.level == .honesty }
    let findings = report.failures.map(\.description) + watched.leaks
    guard findings.isEmpty else {
      let shown = findings.prefix(20).map { String($0.prefix(600)) }
      let hidden = findings.count > shown.count ? ["and \(findings.count - shown.count) more"] : []
      return .failed(
        ProbeFailure(
          phase: "tests", cause: "it does not do what its rules say", findings: shown + hidden, id: backend.id))
    }
    if report.untestedRules.count + report.otherProcessorsRules.count == backend.rules.count {
      return .failed(
        ProbeFailure(
          phase: "tests", cause: "none of its rules takes any of \(report.cases) golden tests", id: backend.id))
    }
    return .passed(
      ProbeVerdict(
        backend, cases: report.cases, declined: report.declined, untestedRules: report.untestedRules,
        costs: report.rules.compactMap { rule in
          // Routes compare estimates with those of the built-in backend, so its declared time is the measure.
          (rule.scaled ?? rule.measured).map { .init(rule: rule.rule, measured: $0, declared: rule.declared ?? 0) }
        }, libraries: LoadedLibraries.paths()))
  }
}

/// What is going on, told to the host before it happens.
final class Phase {
  private let reporter: ProbeReporter
  private(set) var current = "start"

  init(_ reporter: ProbeReporter) { self.reporter = reporter }

  func begin(_ text: String) {
    current = text
    reporter.phase(text)
  }
}
