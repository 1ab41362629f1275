package import MezzoBackend
package import MezzoGraph
import MezzoPolicy

extension Backend {
  /// Prepares one request by the first rule that takes it, and executes it once.
  ///
  /// - Parameter inputs: of the types of the request's inputs, all of which are dense and not constant.
  package func compute(
    _ request: OperationRequest, _ inputs: [Tensor], threads: Int = 1
  ) throws(BackendError) -> [Tensor] {
    guard let rule = rules.first(where: { $0.match(request, threads: threads) == .matches }) else {
      throw BackendError(backend: id, kind: .declined(.operation), message: "no rule takes \(request)")
    }
    let operation = try prepare(request, rule: rule, threads: threads)
    guard operation.packing == nil, inputs.map(\.type) == request.inputs.map(\.type) else {
      throw BackendError(backend: id, kind: .invalid, message: "\(request) takes other inputs than it was given")
    }
    let operands = zip(request.inputs, inputs).map { operand, tensor in
      let buffer = GuardedBuffer(operand, poison: .first)
      buffer.write(tensor)
      return buffer
    }
    let results = request.results.map { GuardedBuffer($0, poison: .first) }
    let call = BackendCall(
      operation, request, inputs: operands, results: results,
      workspace: GuardedBuffer(byteCount: operation.workspaceBytes, poison: .first), packed: nil)
    if let error = call.execute() { throw error }
    return zip(request.results, results).compactMap { operand, buffer in
      try? Tensor(bytes: buffer.elementBytes(), shape: operand.shape, dtype: operand.dtype)
    }
  }
}
