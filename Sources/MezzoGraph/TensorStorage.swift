#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The bytes of a tensor: one allocation, aligned to a cache line, owned by this object, or bytes that somebody else keeps.
///
/// The unsafe part of `Tensor`, kept in one place. It is sound to share between threads because nobody writes after the
/// storage has been published: writers either made it (and no one else has it yet) or hold the only reference. Nobody ever writes
/// to bytes that somebody else keeps.
public final class TensorStorage: @unchecked Sendable {
  public let bytes: UnsafeMutableRawBufferPointer
  /// What is to be freed.
  private let allocation: UnsafeMutableRawPointer?
  private let keeper: (any BytesKeeper)?

  package static let alignment = 64

  /// 1 TiB. The system would refuse much more by itself, but the allocators of sanitizers end the process instead.
  private static let limit = 1 << 40

  /// For sizes that are known to fit; stops the program where memory is exhausted, as an array does.
  public convenience init(byteCount: Int) {
    guard let memory = Self.memory(byteCount) else { preconditionFailure("no memory for \(byteCount) bytes") }
    self.init(memory, allocation: memory.baseAddress)
  }

  /// Bytes that `keeper` keeps, for reading.
  package convenience init(_ bytes: UnsafeRawBufferPointer, keptBy keeper: any BytesKeeper) {
    self.init(UnsafeMutableRawBufferPointer(mutating: bytes), keeper: keeper)
  }

  /// `nil` where there is no memory for `byteCount` bytes: the size may come from a user's shape.
  package static func allocate(byteCount: Int) -> TensorStorage? {
    memory(byteCount).map { TensorStorage($0, allocation: $0.baseAddress) }
  }

  /// All 0, which takes no memory until somebody reads or writes it; `nil` where there would be none.
  package static func zeros(byteCount: Int) -> TensorStorage? {
    guard let padded = padded(byteCount), let start = calloc(1, padded + alignment) else { return nil }
    let aligned = (start + 1).alignedUp(toMultipleOf: alignment)
    return TensorStorage(UnsafeMutableRawBufferPointer(start: aligned, count: byteCount), allocation: start)
  }

  private init(
    _ bytes: UnsafeMutableRawBufferPointer, allocation: UnsafeMutableRawPointer? = nil, keeper: (any BytesKeeper)? = nil
  ) {
    self.bytes = bytes
    self.allocation = allocation
    self.keeper = keeper
  }

  deinit { free(allocation) }

  /// Whether the bytes are this object's, and may be written by whoever holds the only reference.
  var isOwn: Bool { keeper == nil }

  /// Whether the bytes begin where kernels were promised that they do.
  package var isAligned: Bool { UInt(bitPattern: bytes.baseAddress).isMultiple(of: UInt(Self.alignment)) }

  /// The bytes, in memory of their own.
  package func copy() -> TensorStorage? {
    guard let copy = Self.allocate(byteCount: bytes.count) else { return nil }
    copy.bytes.copyMemory(from: UnsafeRawBufferPointer(bytes))
    return copy
  }

  /// Says that nobody will read the bytes for a while: those that somebody else keeps need no memory until then.
  package func rest() { keeper?.rest(UnsafeRawBufferPointer(bytes)) }

  private static func memory(_ byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    guard let padded = padded(byteCount) else { return nil }
    var pointer: UnsafeMutableRawPointer?
    guard posix_memalign(&pointer, alignment, padded) == 0 else { return nil }
    return pointer.map {
      let memory = UnsafeMutableRawBufferPointer(start: $0, count: byteCount)
      askForLargePages(memory)
      return memory
    }
  }

  /// The smallest that is worth a call to the system, and has whole large pages in it wherever it begins.
  private static let leastForLargePages = 4 << 20
  private static let largePage = 2 << 20

  /// A kernel that reads many rows at once needs more pages than the processor keeps the places of, unless they are large. Where the
  /// system has none, it says no, and nothing is lost.
  private static func askForLargePages(_ memory: UnsafeMutableRawBufferPointer) {
    #if os(Linux)
      guard memory.count >= leastForLargePages, let start = memory.baseAddress else { return }
      let first = start.alignedUp(toMultipleOf: largePage)
      let end = (start + memory.count).alignedDown(toMultipleOf: largePage)
      madvise(first, end - first, MADV_HUGEPAGE)
    #endif
  }

  /// A multiple of the alignment, so that kernels that load whole vectors at the end stay inside; `nil` beyond the limit.
  private static func padded(_ byteCount: Int) -> Int? {
    let (end, overflow) = byteCount.addingReportingOverflow(alignment - 1)
    guard byteCount >= 0, !overflow, end <= limit else { return nil }
    return max(end / alignment * alignment, alignment)
  }
}

/// Who keeps bytes that tensors lie in: a file that is mapped.
package protocol BytesKeeper: AnyObject, Sendable {
  /// Nobody reads these bytes for a while. Whoever does so all the same finds them.
  func rest(_ bytes: UnsafeRawBufferPointer)
}

extension TensorStorage: BytesKeeper {
  package func rest(_ bytes: UnsafeRawBufferPointer) {}
}
