package import MezzoBackend
import MezzoPolicy

/// A backend whose library is opened when the first operation is prepared.
protocol BackendOnDemand: Backend {
  /// The files that come into the process with it.
  var libraries: [String] { get }
}

/// A backend that is opened once, on whichever thread first asks for it.
final class OnDemand: Sendable {
  private let open: @Sendable () -> Result<any Backend, BackendError>
  private let opened = Locked<Result<any Backend, BackendError>?>(nil)

  init(_ open: @escaping @Sendable () -> Result<any Backend, BackendError>) { self.open = open }

  /// The backend, or why there is none; decided once.
  func get() throws(BackendError) -> any Backend {
    let result = opened.withLock { opened in
      let result = opened ?? open()
      opened = result
      return result
    }
    return try result.get()
  }

  var isOpen: Bool { opened.withLock { $0 != nil } }

  /// Nobody asks before it has prepared something.
  var codeIdentity: String? { opened.withLock { opened in try? opened?.get().codeIdentity } }
}

/// A backend that passed its probe, and whose library is opened when the first operation is prepared.
///
/// Its rules are those that the probe saw and tried.
package final class LazyBackend: BackendOnDemand {
  package let id: String
  package let version: String
  package let origin: String
  package let rules: [Rule]
  package let droppedRules: [(rule: Rule, reason: String)]
  package let verdict: ProbeVerdict

  package var fingerprint: String { build.text }
  package var codeIdentity: String? { backend.codeIdentity }
  var libraries: [String] { verdict.libraries }

  private let calls: [String: CallKind]
  private let build: BuildIdentity
  private let backend: OnDemand

  init(_ verdict: ProbeVerdict, file: BackendFile) {
    id = verdict.id
    version = verdict.version
    origin = file.path
    // A rule that no case fits could do anything.
    let untested = Set(verdict.untestedRules)
    rules = verdict.measured(verdict.rules.filter { !untested.contains($0.name) }.compactMap(\.rule))
    droppedRules = verdict.dropped.compactMap { dropped in dropped.rule.rule.map { ($0, dropped.reason) } }
    calls = Dictionary(zip(verdict.rules.map(\.name), verdict.calls)) { first, _ in first }
    self.verdict = verdict
    build = BuildIdentity { file.manifest.map { BuildIdentity.of($0) } ?? BuildIdentity.of(library: file.path) }
    backend = OnDemand { Self.open(file, verdict) }
  }

  package func callKind(of rule: Rule) -> CallKind { calls[rule.name] ?? .direct }

  package func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    try backend.get().prepare(request, rule: rule, threads: threads)
  }

  /// Whether the library was opened.
  package var isOpen: Bool { backend.isOpen }

  private static func open(_ file: BackendFile, _ verdict: ProbeVerdict) -> Result<any Backend, BackendError> {
    let (id, origin) = (verdict.id, file.path)
    LoaderTrace.write("opening \(id) from \(origin), for its first operation")
    func refuse(_ message: String) -> Result<any Backend, BackendError> {
      LoaderTrace.write("\(id): \(message)")
      return .failure(BackendError(backend: id, kind: .declined(.symbol), message: message))
    }
    guard FileStamp(origin) == file.stamp else {
      return refuse("\(origin) changed after it was probed; start the program again to have it probed anew")
    }
    do throws(BackendError) {
      let backend = try file.open()
      guard backend.id == id, backend.rules.map(RuleRecord.init) == verdict.rules else {
        return refuse("\(origin) states another id or other rules than in its probe; it must not depend on its process")
      }
      return .success(backend)
    } catch {
      return refuse("\(origin) was opened by its probe but not here: \(error.message)")
    }
  }
}
