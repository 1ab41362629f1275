public import CMezzoABI
public import MezzoBackend

/// The host's buffer for one `mezzo_error` and its message.
public struct ErrorBuffer {
  public let pointer: UnsafeMutablePointer<mezzo_error>

  private static let capacity = 512

  /// Lends a buffer that lives as long as `body`.
  static func with<R>(_ body: (ErrorBuffer) -> R) -> R {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    return body(buffer)
  }

  /// The caller deallocates.
  public init() {
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: Self.capacity)
    text.initialize(repeating: 0, count: Self.capacity)
    pointer = .allocate(capacity: 1)
    pointer.initialize(
      to: mezzo_error(
        struct_size: UInt32(MemoryLayout<mezzo_error>.size), code: 0, why: 0, operand: .max, msg: text,
        msg_cap: UInt32(Self.capacity), msg_len: 0))
  }

  public func deallocate() {
    pointer.pointee.msg?.deallocate()
    pointer.deallocate()
  }

  /// What a call that returned `status` said. The length is the backend's claim and is not believed beyond the buffer.
  public func error(_ status: mezzo_status, backend: String) -> BackendError {
    let error = pointer.pointee
    let length = min(Int(error.msg_len), Self.capacity)
    let text = String(decoding: UnsafeRawBufferPointer(start: error.msg, count: length), as: UTF8.self)
    let kind: BackendError.Kind =
      switch Int(status) {
      case MEZZO_UNSUPPORTED: .declined(BackendError.Why(rawValue: error.why) ?? .none)
      case MEZZO_INVALID: .invalid
      case MEZZO_OOM: .outOfMemory
      default: .failed(status: status)
      }
    return BackendError(backend: backend, kind: kind, message: text.isEmpty ? "it gave no reason" : text)
  }
}
