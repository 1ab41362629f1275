import MezzoBackend
import MezzoGraph

/// Memory for the operands that a plan packs, side by side: the system gives large pages to large memory alone. It goes with the last
/// form that lies in it.
final class PackRoom {
  private let byteCount: Int
  private var memory: TensorStorage?
  private var used = 0

  /// - Parameter packings: all that may be put into it.
  init(for packings: some Sequence<Packing>) {
    byteCount = packings.reduce(0) { $0 + Self.rounded($1.bytes) }
  }

  /// `nil` where there is no memory.
  func take(_ bytes: Int) -> TensorStorage? {
    // Pages that nobody writes to, since another plan had their form, take no memory.
    if memory == nil { memory = TensorStorage.allocate(byteCount: byteCount) }
    guard let memory, used + bytes <= memory.bytes.count else { return TensorStorage.allocate(byteCount: bytes) }
    defer { used += Self.rounded(bytes) }
    return TensorStorage(UnsafeRawBufferPointer(rebasing: memory.bytes[used..<(used + bytes)]), keptBy: memory)
  }

  private static func rounded(_ bytes: Int) -> Int {
    (bytes + TensorStorage.alignment - 1) / TensorStorage.alignment * TensorStorage.alignment
  }
}
