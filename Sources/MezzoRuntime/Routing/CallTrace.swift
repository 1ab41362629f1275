import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPlugins

/// `MEZZO_DEBUG=call`: a line about each call of an operation.
enum CallTrace {
  /// - Parameter write: where lines go; standard error.
  static func watched(
    _ step: StepLayout, _ operation: any PreparedOperation,
    write: @escaping @Sendable (String) -> Void = { DebugTopic.call.write($0) }
  ) -> any PreparedOperation {
    let inputs = step.inputs.map { "\($0.type)" }.joined(separator: " ")
    let results = step.results.map { "\($0.type)" }.joined(separator: " ")
    let layer = step.origin.layer.isEmpty ? "" : " of \(step.origin.layer)"
    let label = "\(step.backend) \(step.name)\(layer) \(inputs) -> \(results)"
    return TimedOperation(operation) { begin, end, status in
      write(
        "\(label) \(Router.duration((end - begin).nanoseconds))"
          + (status == mezzo_status(MEZZO_OK) ? "" : ", status \(status)"))
    }
  }
}
