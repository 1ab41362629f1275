import CMezzoABI
import MezzoBackend
import MezzoPolicy

/// A plan of a native backend, released when nobody holds it any more.
final class NativeOperation: PreparedOperation, @unchecked Sendable {
  // Sound to share: the stored values never change, and execute is serialised unless the rule says it is reentrant.
  let workspaceBytes: Int
  let packing: Packing?
  let consumedEpilogue: Int

  private let backend: NativeBackend
  private let plan: UnsafeMutableRawPointer?
  private let isReentrant: Bool
  private let usesOwnThreads: Bool
  /// Guards nothing but the order; not Void, whose accesses ThreadSanitizer takes for accesses to its neighbour.
  private let turn = Locked(false)

  init(
    backend: NativeBackend, plan: UnsafeMutableRawPointer?, workspaceBytes: Int, packing: Packing?,
    consumedEpilogue: Int, isReentrant: Bool, usesOwnThreads: Bool
  ) {
    self.backend = backend
    self.plan = plan
    self.workspaceBytes = workspaceBytes
    self.packing = packing
    self.consumedEpilogue = consumedEpilogue
    self.isReentrant = isReentrant
    self.usesOwnThreads = usesOwnThreads
  }

  deinit { backend.release(plan) }

  /// A plan's claims about sizes become allocations and indices, so they are checked first.
  func validate(_ request: OperationRequest, canPack: Bool) throws(BackendError) {
    let limit = 1 << 40
    guard (0...limit).contains(workspaceBytes), consumedEpilogue <= request.epilogue.count,
      packing.map({ $0.bytes <= limit && $0.operand < request.inputs.count }) ?? true
    else {
      throw BackendError(
        backend: backend.id, kind: .invalid,
        message:
          "its plan for \(request) states a workspace of \(workspaceBytes) bytes, \(consumedEpilogue) steps of an "
          + "epilogue of \(request.epilogue.count), and the packing \(String(describing: packing))")
    }
    // What is packed once must stay the same, or later executions compute with old values.
    if let packing, !canPack || !request.inputs[packing.operand].isConstant {
      throw BackendError(
        backend: backend.id, kind: .invalid,
        message: "its plan for \(request) packs operand \(packing.operand), "
          + (canPack ? "which is not constant" : "but it has no pack function"))
    }
  }

  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {
    guard let packing else { return }
    var arguments = mezzo_pack_args()
    arguments.plan = plan
    arguments.operand = UInt32(packing.operand)
    arguments.src = source
    arguments.dst = destination
    arguments.dst_bytes = UInt64(packing.bytes)
    try backend.pack(&arguments)
  }

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    frame.pointee.plan = plan
    // Its pool was sized when it planned, so it runs when nobody else's does.
    if usesOwnThreads { return ThreadBudget.shared.withAll { _ in call(frame) } }
    return call(frame)
  }

  private func call(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    if isReentrant { return backend.execute(frame) }
    return turn.withLock { _ in backend.execute(frame) }
  }
}
