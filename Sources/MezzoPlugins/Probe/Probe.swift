import Logging
import MezzoBackend

/// Tries a backend in a process of its own, with golden tests, before it may enter this one.
package struct Probe: Sendable {
  /// The helper program.
  package var helper: String
  package var limits = HelperLimits.probing

  package enum Result: Sendable {
    case ended(ProbeOutcome)
    /// The helper itself does not work, which says nothing about the backend.
    case unavailable(String)
  }

  package init(helper: String) { self.helper = helper }

  package func run(_ file: String) -> Result {
    LoaderTrace.write("probing \(file) with \(helper)")
    var run = HelperRun<ProbeOutcome>(helper, [file], limits: limits)
    let patience = Int(min(limits.phase, limits.total))
    run.delayed = {
      Logger(label: "mezzo.backends").warning(
        """
        trying the backend \(file) in a process of its own, as once for each version of it; if it hangs, it is stopped \
        after \(patience) s
        """)
    }
    let result = Self.result(run.run())
    LoaderTrace.write("probe of \(file): \(result)")
    return result
  }

  private static func result(_ result: HelperRun<ProbeOutcome>.Result) -> Result {
    switch result {
    case .said(.failed(var failure), let log):
      failure.log = log
      return .ended(.failed(failure))
    case .said(let outcome, _): return .ended(outcome)
    case .stopped(let stop):
      return .ended(
        .failed(ProbeFailure(phase: stop.phase, cause: stop.description, log: stop.log, id: stop.id)))
    case .unavailable(let reason): return .unavailable(reason)
    }
  }
}

extension HelperLimits {
  /// For probes: what `MEZZO_PROBE_TIMEOUT` says, in seconds.
  static var probing: HelperLimits {
    var limits = HelperLimits()
    if let text = Environment.value("MEZZO_PROBE_TIMEOUT"), let seconds = Double(text), seconds > 0 {
      limits.total = seconds
      limits.phase = min(limits.phase, seconds)
    }
    return limits
  }
}
