#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The bytes of a tensor: one allocation, aligned to a cache line, owned by this object.
///
/// The unsafe part of `Tensor`, kept in one place. It is sound to share between threads because nobody writes after the
/// storage has been published: writers either made it (and no one else has it yet) or hold the only reference.
public final class TensorStorage: @unchecked Sendable {
  public let bytes: UnsafeMutableRawBufferPointer

  static let alignment = 64

  /// 1 TiB. The system would refuse much more by itself, but the allocators of sanitizers end the process instead.
  private static let limit = 1 << 40

  /// For sizes that are known to fit; stops the program where memory is exhausted, as an array does.
  public convenience init(byteCount: Int) {
    guard let memory = Self.memory(byteCount) else { preconditionFailure("no memory for \(byteCount) bytes") }
    self.init(memory)
  }

  /// `nil` where there is no memory for `byteCount` bytes: the size may come from a user's shape.
  package static func allocate(byteCount: Int) -> TensorStorage? { memory(byteCount).map(TensorStorage.init) }

  private init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

  deinit { free(bytes.baseAddress) }

  private static func memory(_ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    // A multiple of the alignment, so that kernels that load whole vectors at the end stay inside.
    let (padded, overflow) = byteCount.addingReportingOverflow(alignment - 1)
    guard byteCount >= 0, !overflow, padded <= limit else { return nil }
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, alignment, max(padded / alignment * alignment, alignment)) == 0 else { return nil }
    return pointer.map { UnsafeMutableRawBufferPointer(start: $0, count: byteCount) }
  }
}
