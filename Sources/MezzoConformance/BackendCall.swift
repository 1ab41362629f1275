import CMezzoABI
import MezzoBackend
import MezzoPlugins
import MezzoPolicy

/// The argument structs of one execution, over buffers that the caller keeps.
///
/// Used by one thread at a time, as the ABI asks.
final class BackendCall: @unchecked Sendable {
  private let operation: any PreparedOperation
  private let arguments: UnsafeMutablePointer<mezzo_exec_args>
  private let tensors: UnsafeMutablePointer<mezzo_tensor>
  private let templates: [OperandTensor]
  private let error = ErrorBuffer()
  /// Kept alive for as long as the structs point to them.
  private let buffers: [GuardedBuffer?]

  /// - Parameter packed: stands for the operand that `operation` packs.
  init(
    _ operation: any PreparedOperation, _ request: OperationRequest, inputs: [GuardedBuffer], results: [GuardedBuffer],
    workspace: GuardedBuffer, packed: GuardedBuffer?
  ) {
    self.operation = operation
    buffers = inputs + results + [workspace, packed]
    let operands = Array(zip(request.inputs + request.results, inputs + results))
    tensors = .allocate(capacity: max(operands.count, 1))
    templates = operands.map { OperandTensor($0, byteCount: $1.byteCount) }
    for (index, (_, buffer)) in operands.enumerated() {
      (tensors + index).initialize(to: templates[index].tensor)
      tensors[index].data = buffer.address
    }
    if let packing = operation.packing, let packed {
      tensors[packing.operand].data = packed.address
      tensors[packing.operand].layout = UInt32(MEZZO_LAYOUT_PACKED)
      tensors[packing.operand].nbytes = UInt64(packing.bytes)
    }
    let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
    arguments = .allocate(capacity: 1)
    arguments.initialize(to: mezzo_exec_args())
    arguments.pointee.h = mezzo_call(
      struct_size: UInt32(MemoryLayout<mezzo_exec_args>.size), flags: 0, err: error.pointer, next: nil)
    arguments.pointee.in = mezzo_tensors(at: tensors, count: UInt32(inputs.count), stride: stride)
    arguments.pointee.out = mezzo_tensors(at: tensors + inputs.count, count: UInt32(results.count), stride: stride)
    arguments.pointee.workspace = workspace.address
  }

  deinit {
    error.deallocate()
    tensors.deallocate()
    arguments.deallocate()
  }

  /// What went wrong, `nil` if nothing did.
  func execute() -> BackendError? {
    let status = operation.execute(arguments)
    return status == mezzo_status(MEZZO_OK) ? nil : error.error(status, backend: "under test")
  }

  /// Writes the packed form of the constant operand of `source` into `destination`.
  static func pack(
    _ operation: any PreparedOperation, _ operand: Operand, _ source: GuardedBuffer, into destination: GuardedBuffer
  ) throws(BackendError) {
    guard let address = destination.address else { return }
    let template = OperandTensor(operand, byteCount: source.byteCount)
    var tensor = template.tensor
    tensor.data = source.address
    defer { withExtendedLifetime(template) {} }
    try operation.pack(&tensor, into: address)
  }
}
