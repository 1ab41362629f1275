import Dispatch
import MezzoBackend
import MezzoPlugins
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Level 3, of libraries and of manifests alike: how a backend shares a process. Different plans execute at the same time
/// whatever a rule says; a budget of one thread is kept; the state of the processor's arithmetic is left as it was.
struct SharingCheck {
  let backend: any Backend
  let guarding: Guarding
  /// Before the backend was opened.
  let arithmetic: ArithmeticState
  let progress: (ConformanceKit.Step) -> Void

  func run(_ report: inout ConformanceReport) {
    for rule in backend.rules {
      let cases = CaseGenerator(effort: .quick, threads: 1, hasReference: false).cases(rule)
      // The last is among the largest, which is when two threads are most likely to meet.
      guard let item = cases.last(where: { $0.request.epilogue.isEmpty && !$0.request.readsResults }) else { continue }
      progress(.init(level: .contract, rule: "\(rule.name), two plans at once", request: item.request))
      run(rule, item, &report)
    }
    compareArithmetic(&report)
  }

  /// Whichever level it was changed in.
  private func compareArithmetic(_ report: inout ConformanceReport) {
    let now = ArithmeticState()
    guard now != arithmetic else { return }
    report.failures.append(
      .init(
        .contract, what: "it leaves the processor's arithmetic in another state", expected: "\(arithmetic)",
        got: "\(now)", advice: "restore the rounding mode and the treatment of denormals before returning"))
    arithmetic.restoreRounding()
  }

  private func run(_ rule: Rule, _ item: ConformanceCase, _ report: inout ConformanceReport) {
    func fail(_ what: String, expected: String, got: String, advice: String) {
      report.failures.append(
        .init(
          .contract, rule: rule.name, request: item.request.fullDescription, what: what, expected: expected, got: got,
          advice: advice))
    }
    let threads = Self.threadCount()
    var calls: [PlannedCall] = []
    for _ in 0..<2 {
      guard let call = PlannedCall(backend, rule, item, guarding) else { return }
      calls.append(call)
    }
    guard calls[0].call.execute() == nil else { return }
    let alone = calls[0].results.map { $0.elementBytes() }
    let added = Self.threadCount() - threads
    // Of a library behind the ABI, ContractCheck knows more.
    if added > 0, !rule.traits.contains(.ownThreads), backend is ManifestBackend {
      report.warnings.append(
        .init(
          .contract, rule: rule.name, request: item.request.fullDescription,
          what: "it starts threads of its own under a budget of one", expected: "none", got: "\(added) more",
          advice: "say under library.threads how the library computes, and what sets the number of its threads"))
    }
    Self.executeTogether(calls)
    if rule.traits.contains(.deterministic) {
      for call in calls where call.results.map({ $0.elementBytes() }) != alone {
        fail(
          "two plans that execute at the same time give other bits than one alone", expected: "the same bits",
          got: "others", advice: "keep nothing that changes outside of the plan, the workspace and the results")
      }
    }
  }

  private static func executeTogether(_ calls: [PlannedCall]) {
    let (ready, start) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let group = DispatchGroup()
    for call in calls {
      DispatchQueue.global().async(group: group) {
        ready.signal()
        start.wait()
        for _ in 0..<4 where call.call.execute() != nil { break }
      }
    }
    for _ in calls { ready.wait() }
    for _ in calls { start.signal() }
    group.wait()
  }

  /// Of this process; 0 where the system does not tell.
  static func threadCount() -> Int {
    guard let folder = opendir("/proc/self/task") else { return 0 }
    defer { closedir(folder) }
    var count = 0
    while readdir(folder) != nil { count += 1 }
    return count
  }

  /// A plan with its own operands, all of the same content.
  private final class PlannedCall: Sendable {
    let call: BackendCall
    let results: [GuardedBuffer]

    init?(_ backend: any Backend, _ rule: Rule, _ item: ConformanceCase, _ guarding: Guarding) {
      guard let operation = try? backend.prepare(item.request, rule: rule, threads: 1), operation.packing == nil,
        operation.consumedEpilogue == item.request.epilogue.count, operation.contradiction(to: item.request) == nil
      else { return nil }
      var random = SplitMix(state: 11)
      let inputs = zip(item.request.inputs, item.recipes).map { operand, recipe in
        let buffer = GuardedBuffer(operand, poison: .first, guarding: guarding, alignment: rule.alignment)
        buffer.write(recipe.values(operand.type.checkedCount ?? 0, operand.dtype, &random))
        return buffer
      }
      results = item.request.results.map {
        GuardedBuffer($0, poison: .first, guarding: guarding, alignment: rule.alignment)
      }
      call = BackendCall(
        operation, item.request, inputs: inputs, results: results,
        workspace: GuardedBuffer(byteCount: operation.workspaceBytes, poison: .first, guarding: guarding), packed: nil)
    }
  }
}

/// How this thread rounds, and whether it keeps denormals.
struct ArithmeticState: Equatable, CustomStringConvertible {
  private let rounding = fegetround()
  private let keepsDenormals: Bool

  init() {
    // Not known to the compiler.
    let smallest = Float(bitPattern: getpid() > 0 ? 0x0080_0000 : 0)
    keepsDenormals = smallest / 2 > 0
  }

  func restoreRounding() { fesetround(rounding) }

  var description: String { "rounding mode \(rounding), denormals \(keepsDenormals ? "kept" : "flushed")" }
}
