import CMezzoABI
import MezzoBackend
import MezzoPlugins

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Level 3, as far as it takes another host: memory that runs out, cancelled work, a budget of one thread.
struct ContractCheck {
  let native: any Backend
  let table: UnsafePointer<mezzo_backend>
  let guarding: Guarding
  let progress: (ConformanceKit.Step) -> Void

  func run(_ report: inout ConformanceReport) {
    for script in ScriptedHost.Script.allCases {
      progress(.init(level: .contract, rule: script.rawValue))
      do throws(BackendError) {
        let backend = try HostedBackend(native, table: table, services: ScriptedHost(script))
        for rule in backend.rules { run(script, backend, rule, &report) }
        try backend.close()
      } catch {
        if error.isDecline || (script == .outOfMemory && error.kind == .outOfMemory) { continue }
        report.failures.append(
          .init(
            .contract, what: "open or close under \(script.rawValue)", expected: "success, or a decline",
            got: error.description))
      }
    }
  }

  private func run(
    _ script: ScriptedHost.Script, _ backend: HostedBackend, _ rule: Rule, _ report: inout ConformanceReport
  ) {
    let generator = CaseGenerator(effort: .quick, threads: 1, hasReference: false)
    let cases = generator.cases(rule)
    // The first, a middle one and the last, which is among the largest.
    let chosen = cases.isEmpty ? [] : Set([0, cases.count / 2, cases.count - 1]).sorted().map { cases[$0] }
    var random = SplitMix(state: 3)
    for item in chosen {
      progress(.init(level: .contract, rule: "\(rule.name), \(script.rawValue)", request: item.request))
      func fail(_ expected: String, _ got: String) {
        report.failures.append(
          .init(
            .contract, rule: rule.name, request: item.request.fullDescription, what: script.rawValue,
            expected: expected, got: got))
      }
      do throws(BackendError) {
        let operation = try backend.prepare(item.request, rule: rule, threads: 1)
        guard operation.contradiction(to: item.request) == nil else { continue }
        var run = CaseRun(rule, item, operation, reference: nil, guarding: guarding, random: &random)
        run.mayStop = { Self.isAllowed($0, script) }
        let threads = Self.threadCount()
        run.run(isConcurrent: false, withContract: false)
        report.failures += run.failures
        let added = Self.threadCount() - threads
        if script == .oneThread, added > 0, !rule.traits.contains(.ownThreads) {
          report.warnings.append(
            .init(
              .contract, rule: rule.name, request: item.request.fullDescription,
              what: "threads of its own under \(script.rawValue)", expected: "none, or MEZZO_R_OWN_THREADS",
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
    case .outOfMemory: script == .outOfMemory
    case .failed(let status): script == .cancelled && status == mezzo_status(MEZZO_CANCELLED)
    default: false
    }
  }

  /// Of this process; 0 where the system does not tell.
  private static func threadCount() -> Int {
    guard let folder = opendir("/proc/self/task") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
  }
}
