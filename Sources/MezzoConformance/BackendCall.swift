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
  private let extents: [UnsafeMutablePointer<Int64>]
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
    var extents: [UnsafeMutablePointer<Int64>] = []
    for (index, (operand, buffer)) in operands.enumerated() {
      let (tensor, block) = Self.tensor(operand, buffer)
      (tensors + index).initialize(to: tensor)
      extents.append(block)
    }
    if let packing = operation.packing, let packed {
      tensors[packing.operand].data = packed.address
      tensors[packing.operand].layout = 1
      tensors[packing.operand].nbytes = UInt64(packing.bytes)
    }
    self.extents = extents
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
    extents.forEach { $0.deallocate() }
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
    var (tensor, extents) = tensor(operand, source)
    defer { extents.deallocate() }
    try operation.pack(&tensor, into: address)
  }

  private static func tensor(
    _ operand: Operand, _ buffer: GuardedBuffer
  ) -> (mezzo_tensor, extents: UnsafeMutablePointer<Int64>) {
    let rank = operand.shape.count
    let block = UnsafeMutablePointer<Int64>.allocate(capacity: max(2 * rank, 1))
    for axis in 0..<rank {
      block[axis] = Int64(operand.shape[axis])
      block[rank + axis] = Int64(operand.strides[axis])
    }
    var tensor = mezzo_tensor()
    tensor.data = buffer.address
    tensor.device = mezzo_device(type: 1, id: 0)
    tensor.ndim = Int32(rank)
    tensor.dtype = operand.dtype.abi ?? mezzo_dtype()
    tensor.shape = block
    tensor.strides = block + rank
    tensor.flags = operand.isConstant ? UInt32(MEZZO_T_CONST) : 0
    tensor.nbytes = UInt64(buffer.byteCount)
    return (tensor, block)
  }
}
