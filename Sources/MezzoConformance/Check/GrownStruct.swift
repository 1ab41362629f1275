import CMezzoABI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A struct as a later host may know it: followed by members that this version does not have, which hold bytes that a reader
/// would notice, and behind them memory that nobody may touch.
final class GrownStruct<Value> {
  static var addedBytes: Int { 96 }
  private static var poison: UInt8 { 0xA5 }

  let pointer: UnsafeMutablePointer<Value>
  private let memory: GuardedMemory
  private let addedBytes: Int

  /// - Parameter added: bytes behind the members; 0: the struct ends where memory ends.
  init(_ value: Value, added: Int = GrownStruct.addedBytes) {
    let size = MemoryLayout<Value>.size
    addedBytes = added
    memory = GuardedMemory(
      byteCount: size + added, alignment: MemoryLayout<Value>.alignment, guarding: .pages, atStart: false)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[memory.offset...])
    // GuardedMemory has memory for what it was asked for, or has not returned.
    guard let start = bytes.baseAddress else { preconditionFailure("no memory for \(Value.self)") }
    memset(start, Int32(Self.poison), size + added)
    pointer = start.bindMemory(to: Value.self, capacity: 1)
    pointer.initialize(to: value)
  }

  var byteCount: UInt32 { UInt32(MemoryLayout<Value>.size + addedBytes) }

  /// Whether what this version does not know was left alone.
  var isTailUntouched: Bool {
    UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer) + MemoryLayout<Value>.size, count: addedBytes)
      .allSatisfy { $0 == Self.poison }
  }
}

/// An array as a later host lays it out: its elements further apart, with such bytes between them.
final class GrownArray<Element> {
  let pointer: UnsafeMutablePointer<Element>
  let stride: Int
  private let memory: GuardedMemory

  init(_ elements: [Element]) {
    stride = MemoryLayout<Element>.stride + GrownStruct<Element>.addedBytes
    memory = GuardedMemory(
      byteCount: max(stride * elements.count, stride), alignment: MemoryLayout<Element>.alignment, guarding: .pages,
      atStart: false)
    let bytes = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[memory.offset...])
    guard let start = bytes.baseAddress else { preconditionFailure("no memory for \(Element.self)") }
    memset(start, 0xA5, max(stride * elements.count, stride))
    for (index, element) in elements.enumerated() {
      (start + index * stride).bindMemory(to: Element.self, capacity: 1).initialize(to: element)
    }
    pointer = start.assumingMemoryBound(to: Element.self)
  }
}
