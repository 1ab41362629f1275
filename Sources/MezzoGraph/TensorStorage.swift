/// The bytes of a tensor: one allocation, aligned to a cache line, owned by this object.
///
/// The unsafe part of `Tensor`, kept in one place. It is sound to share between threads because nobody writes after the
/// storage has been published: writers either made it (and no one else has it yet) or hold the only reference.
public final class TensorStorage: @unchecked Sendable {
  public let bytes: UnsafeMutableRawBufferPointer

  static let alignment = 64

  public init(byteCount: Int) {
    // A multiple of the alignment, so that kernels that load whole vectors at the end stay inside.
    let rounded = (byteCount + Self.alignment - 1) / Self.alignment * Self.alignment
    let whole = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(rounded, Self.alignment), alignment: Self.alignment)
    bytes = UnsafeMutableRawBufferPointer(rebasing: whole[..<byteCount])
  }

  deinit { bytes.deallocate() }
}
