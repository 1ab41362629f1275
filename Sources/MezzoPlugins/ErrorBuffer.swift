public import CMezzoABI
public import MezzoBackend

/// The host's buffer for one `mezzo_error` and its message.
public struct ErrorBuffer {
  public let pointer: UnsafeMutablePointer<mezzo_error>
  /// Kept apart from `pointer.pointee.msg`, which a backend may have pointed at a string of its own.
  private let text: UnsafeMutablePointer<CChar>

  private static let capacity = 512

  /// Lends a buffer that lives as long as `body`.
  static func with<R>(_ body: (ErrorBuffer) -> R) -> R {
    let buffer = ErrorBuffer()
    defer { buffer.deallocate() }
    return body(buffer)
  }

  /// The caller deallocates.
  public init() {
    text = .allocate(capacity: Self.capacity)
    pointer = .allocate(capacity: 1)
    reset()
  }

  private func reset() {
    text.initialize(repeating: 0, count: Self.capacity)
    pointer.initialize(
      to: mezzo_error(
        struct_size: UInt32(MemoryLayout<mezzo_error>.size), code: 0, why: 0, operand: .max, msg: text,
        msg_cap: UInt32(Self.capacity), msg_len: 0))
  }

  public func deallocate() {
    text.deallocate()
    pointer.deallocate()
  }

  /// What a call that returned `status` said; the buffer is then ready for the next call.
  ///
  /// The length is the backend's claim: it is believed neither beyond the buffer nor beyond the end of the text.
  public func error(_ status: mezzo_status, backend: String) -> BackendError {
    defer { reset() }
    let error = pointer.pointee
    let length = min(Int(error.msg_len), Self.capacity)
    let message = String(
      decoding: UnsafeRawBufferPointer(start: text, count: length).prefix { $0 != 0 }, as: UTF8.self)
    let kind: BackendError.Kind =
      switch Int(status) {
      case MEZZO_UNSUPPORTED: .declined(BackendError.Why(rawValue: error.why) ?? .none)
      case MEZZO_INVALID: .invalid
      case MEZZO_OOM: .outOfMemory
      default: .failed(status: status)
      }
    return BackendError(backend: backend, kind: kind, message: message.isEmpty ? "it gave no reason" : message)
  }
}
