import CMezzoABI
public import MezzoBackend

/// A queue of work on a device; what is queued is done in order, at some time.
public final class DeviceStream: Sendable {
  let handle: UInt64
  private let owner: DeviceExtension

  init(_ owner: DeviceExtension, _ handle: UInt64) {
    self.owner = owner
    self.handle = handle
  }

  deinit {
    var arguments = mezzo_stream_args()
    arguments.stream = handle
    // Nobody is left who could act on a failure.
    try? owner.backend.call(owner.entries.streamDestroy, &arguments, head: \.h)
  }

  /// Queues a copy of the host's bytes into device memory. The bytes stay where and as they are until the work is done.
  public func copy(_ source: UnsafeRawBufferPointer, to target: DeviceMemory) throws(BackendError) {
    let host = mezzo_place(mem: 0, data: UnsafeMutableRawPointer(mutating: source.baseAddress), offset: 0)
    try copy(host, to: target.place, bytes: source.count, fitting: target.byteCount)
  }

  /// Queues a copy of device memory into the host's, which holds it once the work is done.
  public func copy(_ source: DeviceMemory, to target: UnsafeMutableRawBufferPointer) throws(BackendError) {
    let host = mezzo_place(mem: 0, data: target.baseAddress, offset: 0)
    try copy(source.place, to: host, bytes: target.count, fitting: source.byteCount)
  }

  private func copy(_ from: mezzo_place, to: mezzo_place, bytes: Int, fitting limit: Int) throws(BackendError) {
    guard bytes <= limit else {
      throw BackendError(
        backend: owner.backend.id, kind: .invalid, message: "\(bytes) bytes do not fit device memory of \(limit)")
    }
    var arguments = mezzo_copy_args()
    (arguments.from, arguments.to) = (from, to)
    arguments.bytes = UInt64(bytes)
    arguments.stream = handle
    try owner.backend.call(owner.entries.copy, &arguments, head: \.h)
  }

  /// Queues an operation of the stream's backend, over operands in device memory.
  ///
  /// - Parameter request: as the operation was prepared; its rule has the trait `asynchronous`.
  public func execute(
    _ operation: any PreparedOperation, _ request: OperationRequest, inputs: [DeviceMemory], results: [DeviceMemory]
  ) throws(BackendError) {
    let operands = Array(zip(request.inputs + request.results, inputs + results))
    guard inputs.count == request.inputs.count, results.count == request.results.count, operation.workspaceBytes == 0
    else {
      throw BackendError(
        backend: owner.backend.id, kind: .invalid,
        message:
          "\(request) takes \(request.inputs.count) operands and \(request.results.count) results, and no workspace "
          + "that lies on the host; \(inputs.count) and \(results.count) came")
    }
    let templates = operands.map { OperandTensor($0, byteCount: $1.byteCount) }
    var tensors = zip(templates, operands).map { template, operand in
      var tensor = template.tensor
      tensor.device = operand.1.device.device
      tensor.data = operand.1.address
      tensor.mem = operand.1.handle
      return tensor
    }
    let failure: BackendError? = ErrorBuffer.with { buffer in
      tensors.withUnsafeMutableBufferPointer { tensors in
        guard let first = tensors.baseAddress else { return nil }
        let stride = UInt32(MemoryLayout<mezzo_tensor>.stride)
        var arguments = mezzo_exec_args()
        arguments.h = mezzo_call(
          struct_size: UInt32(MemoryLayout<mezzo_exec_args>.size), flags: UInt32(MEZZO_CALL_ASYNC), err: buffer.pointer,
          next: nil)
        arguments.in = mezzo_tensors(at: first, count: UInt32(inputs.count), stride: stride)
        arguments.out = mezzo_tensors(at: first + inputs.count, count: UInt32(results.count), stride: stride)
        arguments.stream = handle
        let status = operation.execute(&arguments)
        return status == mezzo_status(MEZZO_OK) ? nil : buffer.error(status, backend: owner.backend.id)
      }
    }
    withExtendedLifetime(templates) {}
    if let failure { throw failure }
  }

  /// Waits until all that is queued is done; throws what went wrong in it, once.
  public func synchronize() throws(BackendError) {
    var arguments = mezzo_stream_args()
    arguments.stream = handle
    try owner.backend.call(owner.entries.streamSync, &arguments, head: \.h)
  }

  /// Marks the place behind what is queued.
  public func record(_ event: DeviceEvent) throws(BackendError) {
    try event.call(owner.entries.eventRecord, stream: handle)
  }

  /// Lets what is queued from here on wait for the place that `event` marks, on whatever stream.
  public func wait(for event: DeviceEvent) throws(BackendError) {
    try event.call(owner.entries.eventWait, stream: handle)
  }
}

/// A place in a stream. What went wrong before it is told to those who wait for it.
public final class DeviceEvent: Sendable {
  private let handle: UInt64
  private let owner: DeviceExtension

  init(_ owner: DeviceExtension, _ handle: UInt64) {
    self.owner = owner
    self.handle = handle
  }

  // Nobody is left who could act on a failure.
  deinit { _ = try? call(owner.entries.eventDestroy) }

  /// Waits until the place is reached.
  ///
  /// - Throws: the first thing that went wrong in the work before it.
  public func synchronize() throws(BackendError) { try call(owner.entries.eventSync) }

  /// Whether the place is reached; throws as `synchronize` does if it is.
  public func isDone() throws(BackendError) -> Bool { try call(owner.entries.eventQuery).is_done != 0 }

  @discardableResult
  func call(_ entry: CallSite, stream: UInt64 = 0) throws(BackendError) -> mezzo_event_args {
    var arguments = mezzo_event_args()
    arguments.event = handle
    arguments.stream = stream
    try owner.backend.call(entry, &arguments, head: \.h)
    return arguments
  }
}
