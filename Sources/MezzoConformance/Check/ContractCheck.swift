import CMezzoABI
import MezzoBackend
import MezzoPlugins

/// Level 3, as far as it takes another host: memory that runs out, at once or at one allocation alone, cancelled work, a
/// budget of one thread, services that are not there.
struct ContractCheck {
  let native: any Backend
  let table: UnsafePointer<mezzo_backend>
  let guarding: Guarding
  let progress: (ConformanceKit.Step) -> Void

  func run(_ report: inout ConformanceReport) {
    for script in ScriptedHost.Script.allCases { run(script, ScriptedHost(script), script.rawValue, &report) }
    for number in 0..<Self.failingAllocations {
      let host = ScriptedHost(.oneThread, failing: number)
      run(.outOfMemory, host, "a host without memory for allocation \(number + 1)", &report)
      // There was no such allocation, so later ones will not be there either.
      if host.memory.asked <= number { break }
      if host.memory.live > 0 {
        report.warnings.append(
          .init(
            .contract, what: "host memory is not given back where allocation \(number + 1) fails",
            expected: "all of it, by the time of close", got: "\(host.memory.live) blocks are left",
            advice: "free on the way out of a failure what was allocated before it"))
      }
    }
  }

  /// Backends that allocate more often do so in loops, whose first rounds show what the others do.
  private static let failingAllocations = 8

  private func run(
    _ script: ScriptedHost.Script, _ host: ScriptedHost, _ name: String, _ report: inout ConformanceReport
  ) {
    progress(.init(level: .contract, rule: name))
    do throws(BackendError) {
      let backend = try HostedBackend(native, table: table, services: host)
      for rule in backend.rules { run(script, name, backend, rule, &report) }
      try backend.close()
    } catch {
      if Self.isAllowed(error, script) { return }
      report.failures.append(
        .init(
          .contract, what: "open or close under \(name)", expected: "success, or a decline", got: error.description))
    }
  }

  private func run(
    _ script: ScriptedHost.Script, _ name: String, _ backend: HostedBackend, _ rule: Rule,
    _ report: inout ConformanceReport
  ) {
    let generator = CaseGenerator(effort: .quick, threads: 1, hasReference: false)
    let cases = generator.cases(rule)
    // The first, a middle one and the last, which is among the largest.
    let chosen = cases.isEmpty ? [] : Set([0, cases.count / 2, cases.count - 1]).sorted().map { cases[$0] }
    var random = SplitMix(state: 3)
    for item in chosen {
      progress(.init(level: .contract, rule: "\(rule.name), \(name)", request: item.request))
      func fail(_ expected: String, _ got: String) {
        report.failures.append(
          .init(
            .contract, rule: rule.name, request: item.request.fullDescription, what: name,
            expected: expected, got: got))
      }
      do throws(BackendError) {
        let operation = try backend.prepare(item.request, rule: rule, threads: 1)
        guard operation.contradiction(to: item.request) == nil else { continue }
        var run = CaseRun(rule, item, operation, reference: nil, guarding: guarding, random: &random)
        run.mayStop = { Self.isAllowed($0, script) }
        let threads = SharingCheck.threadCount()
        run.run(isConcurrent: false, withContract: false)
        report.failures += run.failures
        let added = SharingCheck.threadCount() - threads
        if script == .oneThread, added > 0, !rule.traits.contains(.ownThreads) {
          report.warnings.append(
            .init(
              .contract, rule: rule.name, request: item.request.fullDescription,
              what: "threads of its own under \(name)", expected: "none, or MEZZO_R_OWN_THREADS",
              got: "\(added) more", advice: "run on host->parallel_for, or set MEZZO_R_OWN_THREADS in the rule"))
        }
      } catch {
        if !Self.isAllowed(error, script) { fail("success, a decline, or a status that says so", error.description) }
      }
    }
  }

  private static func isAllowed(_ error: BackendError, _ script: ScriptedHost.Script) -> Bool {
    switch error.kind {
    case .declined: true
    case .outOfMemory: script == .outOfMemory || script == .noServices
    case .failed(let status):
      script == .cancelled && status == mezzo_status(MEZZO_CANCELLED)
        || script == .noServices && status == mezzo_status(MEZZO_ABI)
    default: false
    }
  }
}
