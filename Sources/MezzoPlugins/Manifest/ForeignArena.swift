/// Memory that prepared calls point into, freed together.
///
/// Written while an operation is prepared, on one thread, and only read afterwards, but for the cells of locals, which the
/// library may write in calls that are never made at the same time.
final class ForeignArena: @unchecked Sendable {
  private var blocks: [UnsafeMutableRawPointer] = []

  deinit { blocks.forEach { $0.deallocate() } }

  /// Zeroed, and aligned for every C type.
  func bytes(_ count: Int) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
    block.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
    blocks.append(block)
    return block
  }

  func copy<T>(_ values: [T]) -> UnsafeMutablePointer<T> {
    let block = bytes(values.count * MemoryLayout<T>.stride).bindMemory(to: T.self, capacity: max(values.count, 1))
    block.initialize(from: values, count: values.count)
    return block
  }
}
