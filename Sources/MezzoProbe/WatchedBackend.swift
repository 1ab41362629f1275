import CMezzoABI
import CMezzoHost
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

/// The backend under test, with its host told before each call what is called, and its memory watched.
final class WatchedBackend: Backend, @unchecked Sendable {
  // Sound to share: what changes is behind locks, or touched by the one thread that prepares.
  let inner: any Backend
  let phase: Phase
  private let state = Locked(State())

  private struct State {
    var cases = 0
    var isRepeated: Set<String> = []
    var leaks: [String] = []
  }

  init(_ inner: any Backend, _ phase: Phase) {
    self.inner = inner
    self.phase = phase
  }

  var id: String { inner.id }
  var version: String { inner.version }
  var origin: String { inner.origin }
  var rules: [Rule] { inner.rules }
  var leaks: [String] { state.withLock { $0.leaks } }

  func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    let number = state.withLock { state in
      state.cases += 1
      return state.cases
    }
    let label = "rule \(rule.name), case \(number): \(request)"
    tell("plan of \(label)")
    let operation = try inner.prepare(request, rule: rule, threads: threads)
    if isFirst("plan \(rule.name)") {
      find("rule \(rule.name) leaks memory with each plan") {
        do throws(BackendError) { _ = try inner.prepare(request, rule: rule, threads: threads) } catch {}
      }
    }
    return WatchedOperation(operation, self, rule: rule.name, label: label, isRepeatable: !request.readsResults)
  }

  /// Phases of threads that the kit starts besides would only hide those of its main thread.
  func tell(_ text: String) {
    if pthread_equal(pthread_self(), main) != 0 { phase.begin(text) }
  }

  private let main = pthread_self()

  func isFirst(_ what: String) -> Bool { state.withLock { $0.isRepeated.insert(what).inserted } }

  /// Repeats `body` and notes it as a leak if memory grows with each round, after some that may fill caches.
  func find(_ what: String, body: () -> Void) {
    func growth(_ rounds: Int) -> Int64 {
      let before = mezzo_heap_bytes()
      for _ in 0..<rounds { body() }
      return mezzo_heap_bytes() - before
    }
    guard mezzo_heap_bytes() >= 0 else { return }
    _ = growth(8)
    let rounds = 32
    let growths = (0..<3).map { _ in growth(rounds) }
    guard growths.allSatisfy({ $0 >= Int64(8 * rounds) }) else { return }
    let bytes = growths.reduce(0, +) / Int64(3 * rounds)
    state.withLock { $0.leaks.append("\(what): about \(bytes) bytes a call") }
  }
}

private final class WatchedOperation: PreparedOperation {
  private let inner: any PreparedOperation
  private let backend: WatchedBackend
  private let rule, label: String
  private let isRepeatable: Bool

  init(
    _ inner: any PreparedOperation, _ backend: WatchedBackend, rule: String, label: String, isRepeatable: Bool
  ) {
    self.inner = inner
    self.backend = backend
    self.rule = rule
    self.label = label
    self.isRepeatable = isRepeatable
  }

  var workspaceBytes: Int { inner.workspaceBytes }
  var packing: Packing? { inner.packing }
  var consumedEpilogue: Int { inner.consumedEpilogue }

  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {
    backend.tell("pack of \(label)")
    try inner.pack(source, into: destination)
  }

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    backend.tell("execute of \(label)")
    let status = inner.execute(frame)
    if status == mezzo_status(MEZZO_OK), isRepeatable, !isInPlace(frame), backend.isFirst("execute \(rule)") {
      backend.find("rule \(rule) leaks memory with each execution") { _ = inner.execute(frame) }
    }
    return status
  }

  /// Then a second execution would find other operands.
  private func isInPlace(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> Bool {
    func data(_ tensors: mezzo_tensors) -> [UnsafeMutableRawPointer?] {
      (0..<Int(tensors.count)).map { tensors.at[$0].data }
    }
    return !Set(data(frame.pointee.in)).isDisjoint(with: data(frame.pointee.out))
  }
}
