import CMezzoABI
import CMezzoFFI
import MezzoBackend
import MezzoPolicy

/// A binding made ready for one request: slots filled, handles made, and only the addresses of tensors open.
final class ManifestOperation: PreparedOperation, @unchecked Sendable {
  // Sound to share: after init nothing is written, and runs of a binding that is not reentrant take turns.
  let workspaceBytes: Int
  let packing: Packing?
  let consumedEpilogue: Int

  private let backend: ManifestBackend
  private let binding: Binding
  private let arena: ForeignArena
  private let program: UnsafeMutablePointer<mezzo_ffi_program>
  private let packs: [mezzo_ffi_plan]
  private let finishes: [mezzo_ffi_plan]
  private let threads: Int
  private let isReentrant: Bool
  /// The library computes on threads of its own, which count like everybody's.
  private let needsLease: Bool
  private let turn = Locked(false)

  init(
    _ request: OperationRequest, _ binding: Binding, backend: ManifestBackend, threads: Int
  ) throws(BackendError) {
    self.backend = backend
    self.binding = binding
    self.threads = threads
    isReentrant = binding.rule.traits.contains(.reentrant)
    needsLease = backend.manifest.library.threads.model != .none
    arena = ForeignArena()
    let preparation = try Preparation(request, binding, backend: backend, threads: threads, arena: arena)
    workspaceBytes = preparation.workspaceBytes
    packing = preparation.packing
    consumedEpilogue = preparation.consumedEpilogue
    packs = preparation.packs
    finishes = preparation.finishes
    program = arena.copy([preparation.program])
  }

  deinit {
    var result = mezzo_ffi_result()
    // Nobody is left who could act on a failure to free.
    for var plan in finishes { _ = mezzo_ffi_invoke(&plan, [nil], nil, 0, &result) }
  }

  func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {
    guard let packing else { return }
    // Libraries leave gaps; the host wants the same bytes for the same values.
    destination.initializeMemory(as: UInt8.self, repeating: 0, count: packing.bytes)
    let data = source.pointee.data.map { $0 + Int(source.pointee.byte_offset) }
    let tensors = [data, destination].map { $0?.assumingMemoryBound(to: CChar.self) }
    for (index, var plan) in packs.enumerated() {
      var result = mezzo_ffi_result()
      let status = mezzo_ffi_invoke(&plan, tensors, nil, 0, &result)
      if Int(status) != MEZZO_FFI_DONE {
        throw ManifestBackend.failure(
          backend.id, binding.pack[index], returned: mezzo_ffi_integer(plan.returns, &result), isDecline: false)
      }
    }
  }

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    if needsLease { return ThreadBudget.shared.withAll { runInTurn(frame, threads: min(threads, $0)) } }
    return runInTurn(frame, threads: threads)
  }

  @inline(__always)
  private func runInTurn(_ frame: UnsafeMutablePointer<mezzo_exec_args>, threads: Int) -> mezzo_status {
    backend.threadSetter?.ensure(threads)
    if isReentrant { return run(frame) }
    return turn.withLock { _ in run(frame) }
  }

  @inline(__always)
  private func run(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
    var failure = mezzo_ffi_failure()
    let status = mezzo_ffi_run(
      program, Self.tensors(frame.pointee.in), Self.tensors(frame.pointee.out), Self.byteOffset,
      frame.pointee.workspace, &failure)
    if Int(status) == MEZZO_FFI_DONE { return mezzo_status(MEZZO_OK) }
    return report(status, failure, frame)
  }

  @inline(__always)
  private static func tensors(_ list: mezzo_tensors) -> mezzo_ffi_tensors {
    mezzo_ffi_tensors(
      at: UnsafeRawPointer(list.at)?.assumingMemoryBound(to: CChar.self), count: list.count, stride: list.stride)
  }

  private static var byteOffset: UInt32 { UInt32(MemoryLayout<mezzo_tensor>.offset(of: \.byte_offset) ?? 0) }

  /// Off the run path: says in the caller's buffer which call went wrong.
  private func report(
    _ status: Int32, _ failure: mezzo_ffi_failure, _ frame: UnsafeMutablePointer<mezzo_exec_args>
  ) -> mezzo_status {
    var code = mezzo_status(MEZZO_INTERNAL)
    let message: String
    if Int(status) == MEZZO_FFI_CONTRADICTION {
      code = mezzo_status(MEZZO_INVALID)
      message = "\(binding.rule.name) takes \(program.pointee.n_in) operands and \(program.pointee.n_out) results"
    } else {
      let isDecline = Int(status) == MEZZO_FFI_UNSUPPORTED
      if isDecline { code = mezzo_status(MEZZO_UNSUPPORTED) }
      message =
        ManifestBackend.failure(
          backend.id, binding.run[Int(failure.call)], returned: failure.returned, isDecline: isDecline
        ).message
    }
    if let error = frame.pointee.h.err, let text = error.pointee.msg {
      let bytes = Array(message.utf8.prefix(Int(error.pointee.msg_cap)))
      bytes.withUnsafeBytes {
        UnsafeMutableRawPointer(text).copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(text), byteCount: $0.count)
      }
      error.pointee.msg_len = UInt32(bytes.count)
      error.pointee.code = code
    }
    return code
  }
}
