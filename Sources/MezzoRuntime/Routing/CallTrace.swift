import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPlugins

/// `MEZZO_DEBUG=call`: an operation that writes a line about each of its calls. It takes the operation's place in frames,
/// so that nothing is asked on the run path where nobody wants to know.
final class CallTrace: PreparedOperation {
  private let inner: any PreparedOperation
  private let label: String
  private let write: @Sendable (String) -> Void

  /// - Parameter write: where lines go; standard error.
  init(_ step: StepLayout, write: @escaping @Sendable (String) -> Void = { DebugTopic.call.write($0) }) {
    inner = step.operation
    self.write = write
    let inputs = step.inputs.map { "\($0.type)" }.joined(separator: " ")
    let results = step.results.map { "\($0.type)" }.joined(separator: " ")
    let layer = step.origin.layer.isEmpty ? "" : " of \(step.origin.layer)"
    label = "\(step.backend) \(step.name)\(layer) \(inputs) -> \(results)"
  }

  var workspaceBytes: Int { inner.workspaceBytes }
  var packing: Packing? { inner.packing }
  var consumedEpilogue: Int { inner.consumedEpilogue }

  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {
    try inner.pack(source, into: destination)
  }

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    let start = ContinuousClock.now
    let status = inner.execute(frame)
    let spent = ContinuousClock.now - start
    let nanoseconds = Double(spent.components.seconds) * 1e9 + Double(spent.components.attoseconds) / 1e9
    write("\(label) \(Router.duration(nanoseconds))" + (status == mezzo_status(MEZZO_OK) ? "" : ", status \(status)"))
    return status
  }
}
