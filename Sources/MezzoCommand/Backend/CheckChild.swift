import Mezzo
import MezzoConformance
import MezzoPlugins

/// The kit in a process of its own, the helper that also tries backends before they are let in.
struct CheckChild {
  private let check: BackendCheck
  private let seconds: Int

  init(_ check: BackendCheck, seconds: Int) {
    self.check = check
    self.seconds = seconds
  }

  func run() throws(CheckError) -> ConformanceReport {
    let helper: String
    switch ProbeHelper.find() {
    case .success(let path): helper = path
    case .failure(let missing): throw CheckError("\(missing.message); or use --in-process")
    }
    var limits = HelperLimits()
    (limits.total, limits.phase, limits.log) = (Double(seconds), Double(seconds), 1 << 16)
    switch HelperRun<ConformanceReport>(helper, ["--check", check.line], limits: limits).run() {
    case .said(let report, let log):
      pass(log)
      return report
    case .stopped(let stop):
      pass(stop.log)
      return died(stop)
    case .unavailable(let reason): throw CheckError("\(reason); or use --in-process")
    }
  }

  /// What the backend printed is its author's to read, and no part of the report.
  private func pass(_ log: String) {
    if !log.isEmpty { Console.error(log + "\n") }
  }

  /// What is known of a backend at which the kit died: what it was at.
  private func died(_ stop: HelperStop) -> ConformanceReport {
    let name = check.file.split(separator: "/").last.map(String.init) ?? check.file
    let (level, rule, request) = ConformanceKit.Step.parts(of: stop.phase)
    var report = ConformanceReport(backend: name, version: "")
    report.failures = [
      .init(
        level, rule: rule, request: request, what: "the kit did not come back from here", expected: "a status",
        got: "\(stop)", advice: Self.advice(stop.end))
    ]
    return report
  }

  private static func advice(_ end: HelperStop.End) -> String {
    let debugger = "; run with --in-process under a debugger"
    switch end {
    case .exited: return "nothing may exit, throw or panic across the boundary"
    case .killed(let signal):
      switch HelperStop.Cause(signal: signal) {
      case .memory: return "it touched memory that is not its own: the tensors lie between guard pages" + debugger
      case .processorTime: return "it computes for too long here, or needs a longer --timeout"
      case .file: return "a backend that is checked writes no files"
      case .otherProcess: return "a backend neither signals nor traces processes, and leaves their limits alone"
      case .other: return "nothing may abort the process" + debugger
      }
    case .late, .hung: return "it hangs here, or needs a longer --timeout"
    case .strayed: return "a process that it starts, or a fork of this one, has to end before the call returns"
    case .intruded: return "leave descriptors alone that the backend did not open"
    }
  }
}
