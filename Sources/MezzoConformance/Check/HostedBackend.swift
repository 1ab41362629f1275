import CMezzoABI
import MezzoBackend
import MezzoPlugins
import MezzoPolicy

/// A native backend opened once more, under a host whose services are not the real ones.
final class HostedBackend: Backend, @unchecked Sendable {
  // Sound to share: all stored pointers are set in init, and the kit runs each call on one thread.
  let id, version, origin: String
  let rules: [Rule]
  private let table: UnsafePointer<mezzo_backend>
  private let services: ScriptedHost
  private let object: UnsafeMutableRawPointer?

  /// - Parameter native: the same library, already open.
  init(
    _ native: any Backend, table: UnsafePointer<mezzo_backend>, services: ScriptedHost
  ) throws(BackendError) {
    (id, version, origin, rules) = (native.id, native.version, native.origin, native.rules)
    self.table = table
    self.services = services
    var arguments = mezzo_open_args()
    arguments.host = UnsafePointer(services.pointer)
    try Self.call(native.id, &arguments, head: \.h) { table.pointee.open(nil, $0) }
    object = arguments.`self`
  }

  func prepare(_ request: OperationRequest, rule: Rule, threads: Int) throws(BackendError) -> any PreparedOperation {
    var arguments = mezzo_plan_args()
    arguments.rule = UInt32(rule.index)
    arguments.threads = UInt32(clamping: threads)
    try RequestMarshaller.withOperation(request, backend: id) { operation throws(BackendError) in
      arguments.op = operation
      try Self.call(id, &arguments, head: \.h) { table.pointee.plan(object, $0) }
    }
    return Prepared(self, arguments)
  }

  func close() throws(BackendError) {
    var head = mezzo_call()
    try Self.call(id, &head, head: \.self) { table.pointee.close(object, $0) }
  }

  private final class Prepared: PreparedOperation, @unchecked Sendable {
    let workspaceBytes: Int
    let packing: Packing?
    let consumedEpilogue: Int
    private let backend: HostedBackend
    private let plan: UnsafeMutableRawPointer?

    init(_ backend: HostedBackend, _ arguments: mezzo_plan_args) {
      self.backend = backend
      plan = arguments.plan
      workspaceBytes = Int(clamping: arguments.workspace)
      consumedEpilogue = Int(arguments.n_epilogue)
      packing =
        arguments.packed_bytes == 0
        ? nil : Packing(operand: Int(arguments.packed_operand), bytes: Int(clamping: arguments.packed_bytes), key: [])
    }

    deinit {
      var arguments = mezzo_release_args()
      arguments.plan = plan
      try? HostedBackend.call(backend.id, &arguments, head: \.h) { backend.table.pointee.release(backend.object, $0) }
    }

    func pack(_ source: UnsafePointer<mezzo_tensor>, into destination: UnsafeMutableRawPointer) throws(BackendError) {
      guard let pack = backend.table.pointee.pack, let packing else { return }
      var arguments = mezzo_pack_args()
      arguments.plan = plan
      arguments.operand = UInt32(packing.operand)
      arguments.src = source
      arguments.dst = destination
      arguments.dst_bytes = UInt64(packing.bytes)
      try HostedBackend.call(backend.id, &arguments, head: \.h) { pack(backend.object, $0) }
    }

    func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
      frame.pointee.plan = plan
      return backend.table.pointee.execute(backend.object, frame)
    }
  }

  private static func call<Arguments>(
    _ backend: String, _ arguments: inout Arguments, head: WritableKeyPath<Arguments, mezzo_call>,
    _ entry: (UnsafeMutablePointer<Arguments>) -> mezzo_status
  ) throws(BackendError) {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    arguments[keyPath: head] = mezzo_call(
      struct_size: UInt32(MemoryLayout<Arguments>.size), flags: 0, err: buffer.pointer, next: nil)
    let status = entry(&arguments)
    if status != mezzo_status(MEZZO_OK) { throw buffer.error(status, backend: backend) }
  }
}

/// Host services that do what a test wants: no memory, everything cancelled, one thread, nothing at all.
final class ScriptedHost {
  enum Script: String, CaseIterable {
    case outOfMemory = "a host without memory"
    case cancelled = "a host that cancels everything"
    case oneThread = "a budget of one thread"
    case noServices = "a host without services"
  }

  /// Never freed: a backend may keep it to the end of the process.
  let pointer: UnsafeMutablePointer<mezzo_host>
  let memory: HostMemory

  /// - Parameter failing: the one allocation that there is no memory for, from 0; `nil`: none.
  init(_ script: Script, failing: Int? = nil) {
    pointer = .allocate(capacity: 1)
    memory = HostMemory(failing: failing)
    var host = mezzo_host()
    host.struct_size = UInt32(MemoryLayout<mezzo_host>.size)
    host.ctx = Unmanaged.passRetained(memory).toOpaque()
    defer { pointer.initialize(to: host) }
    // Members that are not there read as NULL.
    if script == .noServices { return }
    host.alloc = allocate
    if script == .outOfMemory { host.alloc = noMemory }
    host.free = { context, pointer in
      guard let pointer else { return }
      hostMemory(context)?.gave(-1)
      pointer.deallocate()
    }
    host.parallel_for = { _, count, _, body, user in
      if count > 0 { body?(user, 0, count, 0) }
      return mezzo_status(MEZZO_OK)
    }
    host.threads = { _ in 1 }
    host.log = { _, _, _, _ in }
    host.cancelled = { _ in 0 }
    if script == .cancelled { host.cancelled = { _ in 1 } }
    host.config = { _, _ in nil }
  }
}

/// What a scripted host gave out.
final class HostMemory: Sendable {
  private let failing: Int?
  private let state = Locked((asked: 0, live: 0))

  init(failing: Int?) { self.failing = failing }

  var asked: Int { state.withLock { $0.asked } }
  /// Blocks that nobody gave back.
  var live: Int { state.withLock { $0.live } }

  /// Whether there is memory this time.
  func mayGive() -> Bool {
    state.withLock { state in
      defer { state.asked += 1 }
      return state.asked != failing
    }
  }

  func gave(_ blocks: Int) { state.withLock { $0.live += blocks } }
}

private func hostMemory(_ context: UnsafeMutableRawPointer?) -> HostMemory? {
  context.map { Unmanaged<HostMemory>.fromOpaque($0).takeUnretainedValue() }
}

private func noMemory(
  _: UnsafeMutableRawPointer?, _: UInt64, _: UInt64, _: UInt32
) -> UnsafeMutableRawPointer? { nil }

private func allocate(
  context: UnsafeMutableRawPointer?, bytes: UInt64, alignment: UInt64, _: UInt32
) -> UnsafeMutableRawPointer? {
  let alignment = max(Int(clamping: alignment), 16)
  guard let memory = hostMemory(context), memory.mayGive(), alignment & (alignment - 1) == 0, bytes < 1 << 40 else {
    return nil
  }
  memory.gave(1)
  return .allocate(byteCount: max(Int(bytes), 1), alignment: alignment)
}
