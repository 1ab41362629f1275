public import CMezzoABI
public import MezzoBackend

/// A backend's extension `device.v1`: devices with memory, streams and events of their own.
public final class DeviceExtension: Sendable {
  public let devices: [Device]
  let backend: NativeBackend
  let entries: Entries

  /// One device, as the backend describes it.
  public struct Device: Sendable {
    public var device: mezzo_device
    public var name: String
    /// The kind of memory that operations take, among those of the device.
    public var kind: UInt32
    /// Alignment and size of that memory; 0: not known.
    public var alignment, capacity: UInt64
  }

  struct Entries: Sendable {
    var devices, alloc, free, copy, streamCreate, streamDestroy, streamSync: CallSite
    var eventCreate, eventDestroy, eventRecord, eventWait, eventSync, eventQuery: CallSite
  }

  /// - Returns: `nil` where the backend has no devices.
  /// - Throws: an error of kind `unloadable` where its table contradicts `mezzo_device.h`.
  public init?(_ backend: NativeBackend) throws(BackendError) {
    guard let pointer = backend.extensionTable(MEZZO_DEVICE_EXTENSION_V1, version: MEZZO_DEVICE_VERSION) else {
      return nil
    }
    self.backend = backend
    func refuse(_ message: String) -> BackendError {
      BackendError(backend: backend.id, kind: .unloadable, message: message)
    }
    var table = mezzo_device_v1()
    let stated = Int(pointer.loadUnaligned(as: UInt32.self))
    withUnsafeMutableBytes(of: &table) { known in
      known.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(stated, known.count)))
    }
    guard let devices = table.devices, let alloc = table.alloc, let free = table.free, let copy = table.copy,
      let streamCreate = table.stream_create, let streamDestroy = table.stream_destroy,
      let streamSync = table.stream_sync, let eventCreate = table.event_create,
      let eventDestroy = table.event_destroy, let eventRecord = table.event_record, let eventWait = table.event_wait,
      let eventSync = table.event_sync, let eventQuery = table.event_query
    else {
      throw refuse("its extension \(MEZZO_DEVICE_EXTENSION_V1) lacks functions; all of mezzo_device_v1 are required")
    }
    entries = Entries(
      devices: CallSite(devices, .foreign), alloc: CallSite(alloc, .foreign), free: CallSite(free, .foreign),
      copy: CallSite(copy, .foreign), streamCreate: CallSite(streamCreate, .foreign),
      streamDestroy: CallSite(streamDestroy, .foreign), streamSync: CallSite(streamSync, .foreign),
      eventCreate: CallSite(eventCreate, .foreign), eventDestroy: CallSite(eventDestroy, .foreign),
      eventRecord: CallSite(eventRecord, .foreign), eventWait: CallSite(eventWait, .foreign),
      eventSync: CallSite(eventSync, .foreign), eventQuery: CallSite(eventQuery, .foreign))
    var arguments = mezzo_devices_args()
    try backend.call(entries.devices, &arguments, head: \.h)
    var found: [Device] = []
    for index in 0..<Int(arguments.count) where arguments.count <= 256 {
      guard let first = arguments.at, Int(arguments.stride) >= MemoryLayout<mezzo_device_info>.size else { break }
      let place = UnsafeRawPointer(first) + index * Int(arguments.stride)
      let info = place.loadUnaligned(as: mezzo_device_info.self)
      for kind in 0..<min(info.n_kinds, 64) {
        guard let kinds = info.kinds, Int(info.kind_stride) >= MemoryLayout<mezzo_memory_kind>.size else { break }
        let memory = (UnsafeRawPointer(kinds) + Int(kind) * Int(info.kind_stride)).loadUnaligned(
          as: mezzo_memory_kind.self)
        guard memory.flags & UInt32(MEZZO_MEMORY_DEFAULT) != 0 else { continue }
        found.append(
          Device(
            device: info.device, name: info.name.map { String(cString: $0) } ?? "", kind: kind, alignment: memory.align,
            capacity: memory.capacity))
        break
      }
    }
    self.devices = found
  }

  /// Memory of a device, whose content is not defined.
  public func allocate(_ bytes: Int, on device: Device) throws(BackendError) -> DeviceMemory {
    var arguments = mezzo_memory_args()
    arguments.device = device.device
    arguments.kind = device.kind
    arguments.bytes = UInt64(clamping: bytes)
    try backend.call(entries.alloc, &arguments, head: \.h)
    return DeviceMemory(self, device, arguments)
  }

  public func makeStream(on device: Device) throws(BackendError) -> DeviceStream {
    var arguments = mezzo_stream_args()
    arguments.device = device.device
    try backend.call(entries.streamCreate, &arguments, head: \.h)
    return DeviceStream(self, arguments.stream)
  }

  public func makeEvent(on device: Device) throws(BackendError) -> DeviceEvent {
    var arguments = mezzo_event_args()
    arguments.device = device.device
    try backend.call(entries.eventCreate, &arguments, head: \.h)
    return DeviceEvent(self, arguments.event)
  }
}

/// Memory of a device; freed with its last user, who has to wait for work that is queued on it.
public final class DeviceMemory: @unchecked Sendable {
  // Sound to share: nothing changes after init, and the address is the device's, which nobody here follows.
  public let byteCount: Int
  let device: DeviceExtension.Device
  let handle: UInt64
  let address: UnsafeMutableRawPointer?
  private let owner: DeviceExtension

  init(_ owner: DeviceExtension, _ device: DeviceExtension.Device, _ made: mezzo_memory_args) {
    self.owner = owner
    self.device = device
    byteCount = Int(clamping: made.bytes)
    handle = made.mem
    address = made.data
  }

  deinit {
    var arguments = mezzo_memory_args()
    arguments.device = device.device
    arguments.mem = handle
    // Nobody is left who could act on a failure.
    try? owner.backend.call(owner.entries.free, &arguments, head: \.h)
  }

  var place: mezzo_place { mezzo_place(mem: handle, data: nil, offset: 0) }
}
