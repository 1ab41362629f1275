import CMezzoABI
import MezzoBackend

/// An operation that tells how long each of its calls took. It takes the operation's place in frames, so that nothing is asked
/// on the run path where nobody wants to know.
final class TimedOperation: PreparedOperation {
  private let inner: any PreparedOperation
  private let note: @Sendable (ContinuousClock.Instant, ContinuousClock.Instant, mezzo_status) -> Void

  init(
    _ inner: any PreparedOperation,
    note: @escaping @Sendable (_ begin: ContinuousClock.Instant, _ end: ContinuousClock.Instant, mezzo_status) -> Void
  ) {
    self.inner = inner
    self.note = note
  }

  var workspaceBytes: Int { inner.workspaceBytes }
  var packing: Packing? { inner.packing }
  var consumedEpilogue: Int { inner.consumedEpilogue }

  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {
    try inner.pack(source, into: destination)
  }

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    let begin = ContinuousClock.now
    let status = inner.execute(frame)
    note(begin, .now, status)
    return status
  }
}

extension Duration {
  var nanoseconds: Double { Double(components.seconds) * 1e9 + Double(components.attoseconds) / 1e9 }
}
