package import MezzoBackend
import MezzoPolicy

/// A backend that passed its probe, and whose library is opened when the first operation is prepared.
///
/// Its rules are those that the probe saw and tried.
package final class LazyBackend: Backend {
  package let id: String
  package let version: String
  package let origin: String
  package let rules: [Rule]
  package let verdict: ProbeVerdict

  private let stamp: FileStamp?
  private let load: @Sendable () throws(BackendError) -> any Backend
  /// The backend, or why there is none; decided once, on whichever thread comes first.
  private let opened = Locked<Result<any Backend, BackendError>?>(nil)

  init(_ verdict: ProbeVerdict, file: BackendFile) {
    id = verdict.id
    version = verdict.version
    origin = file.path
    // A rule that no case fits could do anything.
    let untested = Set(verdict.untestedRules)
    rules = verdict.rules.filter { !untested.contains($0.name) }.compactMap(\.rule)
    self.verdict = verdict
    stamp = file.stamp
    load = { () throws(BackendError) in try file.open() }
  }

  package func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    let result = opened.withLock { opened in
      if let opened { return opened }
      let result = open()
      opened = result
      return result
    }
    return try result.get().prepare(request, rule: rule, threads: threads)
  }

  /// Whether the library was opened.
  package var isOpen: Bool { opened.withLock { $0 != nil } }

  private func open() -> Result<any Backend, BackendError> {
    LoaderTrace.write("opening \(id) from \(origin), for its first operation")
    func refuse(_ message: String) -> Result<any Backend, BackendError> {
      LoaderTrace.write("\(id): \(message)")
      return .failure(BackendError(backend: id, kind: .declined(.symbol), message: message))
    }
    guard FileStamp(origin) == stamp else {
      return refuse("\(origin) changed after it was probed; start the program again to have it probed anew")
    }
    do throws(BackendError) {
      let backend = try load()
      guard backend.id == id, backend.rules.map(RuleRecord.init) == verdict.rules else {
        return refuse("\(origin) states another id or other rules than in its probe; it must not depend on its process")
      }
      return .success(backend)
    } catch {
      return refuse("\(origin) was opened by its probe but not here: \(error.message)")
    }
  }
}
