import MezzoBackend
import MezzoPlugins

/// An operation that is prepared and has operands of its own, to be executed as often as one likes.
struct OperationRun {
  private let call: BackendCall

  /// `nil` where the backend does not take it.
  init?(_ backend: any Backend, _ rule: Rule, _ request: OperationRequest, threads: Int, mustPack: Bool = false) {
    guard let operation = try? backend.prepare(request, rule: rule, threads: threads),
      operation.contradiction(to: request) == nil, !mustPack || operation.packing != nil
    else { return nil }
    let own = request.consuming(operation.consumedEpilogue)
    let inputs = Self.inputs(own)
    var packed: GuardedBuffer?
    if let packing = operation.packing {
      let form = GuardedBuffer(byteCount: packing.bytes, poison: .first)
      do throws(BackendError) {
        try BackendCall.pack(operation, own.inputs[packing.operand], inputs[packing.operand], into: form)
      } catch { return nil }
      packed = form
    }
    call = BackendCall(
      operation, own, inputs: inputs, results: own.results.map { GuardedBuffer($0, poison: .first) },
      workspace: GuardedBuffer(byteCount: operation.workspaceBytes, poison: .first), packed: packed)
  }

  /// Positive numbers, the same at each call.
  private static func inputs(_ request: OperationRequest) -> [GuardedBuffer] {
    var random = SplitMix(state: 1)
    return request.inputs.map { operand in
      let buffer = GuardedBuffer(operand, poison: .first)
      buffer.write(ValueRecipe.positive.values(operand.type.checkedCount ?? 0, operand.dtype, &random))
      return buffer
    }
  }

  /// Whether it went well.
  func execute() -> Bool { call.execute() == nil }

  private static let start = ContinuousClock.now

  /// Nanoseconds since some moment.
  static func clock() -> Double {
    let spent = (ContinuousClock.now - start).components
    return Double(spent.seconds) * 1e9 + Double(spent.attoseconds) / 1e9
  }
}

extension OperationRequest {
  /// The request with the first `count` steps of its epilogue, and the inputs of those alone: what is left over stands at the
  /// end, so that places stay as they are.
  func consuming(_ count: Int) -> OperationRequest {
    let leftOver = epilogue[count...].compactMap(\.operand)
    var request = self
    request.epilogue = Array(epilogue.prefix(count))
    request.inputs = inputs.enumerated().filter { !leftOver.contains($0.offset) }.map(\.element)
    return request
  }
}
