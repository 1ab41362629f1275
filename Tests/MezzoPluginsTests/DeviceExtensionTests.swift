import CMezzoABI
import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoPlugins

/// A device whose memory the host cannot reach and whose streams work on threads of their own.
@Suite(.enabled(if: TestPlugin.compiler != nil), .serialized) struct DeviceExtensionTests {
  private let folder: TemporaryFolder
  private let backend: NativeBackend
  private let device: DeviceExtension

  init() throws {
    folder = try TemporaryFolder()
    let path = folder.file("device\(TestPlugin.suffix)")
    try ReleasedHeaders.current.compile(
      ReleasedHeaders.source("fake_device.c"), ["-shared", "-fPIC", "-fvisibility=hidden", "-lpthread"], to: path,
      compiler: try #require(TestPlugin.compiler))
    backend = try NativeBackend(library: path)
    device = try #require(try DeviceExtension(backend))
  }

  private func bytes(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes(Array.init) }

  /// Copies there, computes, copies back; every step is queued, and the host waits once.
  private func relu(_ values: [Float], stream: DeviceStream, event: DeviceEvent) throws -> [Float] {
    let first = device.devices[0]
    let bytes = 4 * values.count
    let (x, y) = (try device.allocate(bytes, on: first), try device.allocate(bytes, on: first))
    let operation = try backend.prepare(reluRequest(values.count), rule: backend.rules[0], threads: 1)
    var results = [Float](repeating: -1, count: values.count)
    try values.withUnsafeBytes { source in
      try results.withUnsafeMutableBytes { target in
        try stream.copy(source, to: x)
        try stream.execute(operation, reluRequest(values.count), inputs: [x], results: [y])
        try stream.copy(y, to: target)
        try stream.record(event)
        try event.synchronize()
      }
    }
    return results
  }

  @Test func aBackendWithoutDevicesHasNone() throws {
    let plain = try NativeBackend(library: TestPlugin().build(in: folder))
    #expect(try DeviceExtension(plain) == nil)
  }

  @Test func devicesAreDescribed() {
    #expect(device.devices.map(\.name) == ["fake"])
    #expect(Int(device.devices[0].device.type) == MEZZO_DEVICE_EXTENSION)
    #expect(device.devices[0].capacity == 1 << 20)
  }

  @Test func memoryHoldsWhatWasCopiedThereAndPoisonElse() throws {
    let memory = try device.allocate(8, on: device.devices[0])
    let stream = try device.makeStream(on: device.devices[0])
    var back = [UInt8](repeating: 0, count: 8)
    try back.withUnsafeMutableBytes {
      try stream.copy(memory, to: $0); try stream.synchronize()
    }
    #expect(back == [UInt8](repeating: 0xDB, count: 8))
    let source: [UInt8] = [1, 2, 3]
    try source.withUnsafeBytes {
      try stream.copy($0, to: memory); try stream.synchronize()
    }
    try back.withUnsafeMutableBytes {
      try stream.copy(memory, to: $0); try stream.synchronize()
    }
    #expect(back == [1, 2, 3, 0xDB, 0xDB, 0xDB, 0xDB, 0xDB])
  }

  @Test func whatIsQueuedIsDoneInOrder() throws {
    let stream = try device.makeStream(on: device.devices[0])
    let event = try device.makeEvent(on: device.devices[0])
    #expect(try event.isDone())
    for round in 1...3 {
      let values = (0..<100).map { Float($0 - 50 * round) }
      #expect(try relu(values, stream: stream, event: event) == values.map { max($0, 0) })
    }
    #expect(try event.isDone())
  }

  @Test func streamsWaitForEachOther() throws {
    let first = device.devices[0]
    let (left, right) = (try device.makeStream(on: first), try device.makeStream(on: first))
    let written = try device.makeEvent(on: first)
    let memory = try device.allocate(64, on: first)
    let source = [UInt8](repeating: 7, count: 64)
    var back = [UInt8](repeating: 0, count: 64)
    try source.withUnsafeBytes { source in
      try back.withUnsafeMutableBytes { target in
        try left.copy(source, to: memory)
        try left.record(written)
        try right.wait(for: written)
        try right.copy(memory, to: target)
        try right.synchronize()
      }
    }
    #expect(back == source)
  }

  /// The call that queues the work succeeds; whoever waits is told, on every stream that waits for it.
  @Test func whatGoesWrongLaterIsToldAtTheEvent() throws {
    let first = device.devices[0]
    let (stream, other) = (try device.makeStream(on: first), try device.makeStream(on: first))
    let event = try device.makeEvent(on: first)
    let error = #expect(throws: BackendError.self) { try relu([1, .nan], stream: stream, event: event) }
    #expect(error?.message == "relu met a NaN on the device")
    #expect(error?.kind == .failed(status: Int32(MEZZO_INTERNAL)))
    #expect(throws: BackendError.self) { try event.synchronize() }
    try other.wait(for: event)
    #expect(throws: BackendError.self) { try other.synchronize() }
    #expect(throws: BackendError.self) { try stream.synchronize() }
    // Told once, the stream works again.
    try stream.synchronize()
    #expect(try relu([-1, 1], stream: stream, event: event) == [0, 1])
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let first = device.devices[0]
    let error = #expect(throws: BackendError.self) { try device.allocate(1 << 21, on: first) }
    #expect(error?.kind == .outOfMemory)
    let memory = try device.allocate(4, on: first)
    let stream = try device.makeStream(on: first)
    #expect(throws: BackendError.self) {
      try [UInt8](repeating: 0, count: 5).withUnsafeBytes { try stream.copy($0, to: memory) }
    }
    // Freed memory can be had again.
    for _ in 0..<100 { _ = try device.allocate(1 << 19, on: first) }
  }

  /// The host's memory is not the device's: the backend declines, and does not follow the address.
  @Test func tensorsOfTheHostAreDeclined() throws {
    let operation = try backend.prepare(reluRequest(1), rule: backend.rules[0], threads: 1)
    let error = #expect(throws: BackendError.self) { try execute(operation, on: [1]) }
    #expect(error?.kind == .declined(.device))
  }
}
