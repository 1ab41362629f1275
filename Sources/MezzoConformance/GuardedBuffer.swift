import MezzoBackend
import MezzoGraph
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Memory of one operand, with canaries before it, behind it and in the gaps that its strides leave.
///
/// Shared between threads only for reading, or by the one thread that runs the call whose result it is.
final class GuardedBuffer: @unchecked Sendable {
  private let memory: GuardedMemory
  private let whole: UnsafeMutableRawBufferPointer
  let byteCount: Int
  /// Of each element in row-major order, in bytes from `address`.
  private let offsets: [Int]
  private let width: Int
  private let dtype: DType
  private var snapshot: [UInt8] = []
  private var offset: Int { memory.offset }

  var address: UnsafeMutableRawPointer? { whole.baseAddress.map { $0 + offset } }

  /// For the elements of `operand`.
  /// - Parameter alignment: of its first byte, behind which the guard begins as soon as the alignment lets it.
  convenience init(_ operand: Operand, poison: Poison, guarding: Guarding = .canaries, alignment: Int = 0) {
    let width = operand.dtype.byteWidth ?? 1
    let offsets = operand.elementOffsets().map { $0 * width }
    let bytes = (offsets.max() ?? -width) + width
    self.init(
      GuardedMemory(byteCount: bytes, alignment: max(alignment, width), guarding: guarding, atStart: poison == .second),
      byteCount: bytes, offsets: offsets, width: width, dtype: operand.dtype)
    fill(poison)
  }

  /// For bytes without a dtype, such as a workspace, aligned as the ABI promises.
  convenience init(byteCount: Int, poison: Poison, guarding: Guarding = .canaries) {
    let memory = GuardedMemory(
      byteCount: byteCount, alignment: Rule.guaranteedAlignment, guarding: guarding, atStart: poison == .second)
    self.init(memory, byteCount: byteCount, offsets: [], width: 1, dtype: .uint8)
    fill(poison)
  }

  private init(_ memory: GuardedMemory, byteCount: Int, offsets: [Int], width: Int, dtype: DType) {
    self.memory = memory
    self.byteCount = byteCount
    self.offsets = offsets
    self.width = width
    self.dtype = dtype
    whole = memory.bytes
  }

  /// What unwritten bytes hold: as a bool neither true nor false, as a number no plausible result.
  enum Poison: UInt8 {
    case first = 0xA5
    case second = 0x5A
  }

  func fill(_ poison: Poison) {
    if let base = whole.baseAddress { memset(base, Int32(poison.rawValue), whole.count) }
    keep()
  }

  /// Writes the elements, each rounded once; where strides repeat memory, the last one stays.
  func write(_ values: [Double]) {
    guard let dense = try? Tensor(values, shape: [offsets.count], dtype: dtype) else { return }
    write(dense)
  }

  /// Writes the elements of a tensor of the same dtype and count.
  func write(_ tensor: Tensor) {
    tensor.withUnsafeBytes { bytes in
      guard let address, let source = bytes.baseAddress, bytes.count == offsets.count * width else { return }
      for (index, offset) in offsets.enumerated() { memcpy(address + offset, source + index * width, width) }
    }
    keep()
  }

  /// The same bytes between the canaries as in a buffer of the same operand.
  func write(bytesOf other: GuardedBuffer) {
    if let address, let source = other.address, other.byteCount == byteCount { memcpy(address, source, byteCount) }
    keep()
  }

  /// The same elements as in a buffer of the same operand.
  func write(elementsOf other: GuardedBuffer) {
    if let address, let source = other.address, other.offsets == offsets {
      for place in offsets { memcpy(address + place, source + place, width) }
    }
    keep()
  }

  /// NaN in every element, of whichever float dtype: what is scaled by 0 or added would let it through.
  func writeNaN() {
    if let address { for place in offsets { memset(address + place, 0xFF, width) } }
    keep()
  }

  /// From here on the present content is what must not change.
  func keep() { snapshot = Array(whole) }

  /// The elements in row-major order. A bool is read as its byte, since only 0 and 1 are right.
  func read() -> [Double] {
    let stored = dtype == .bool ? DType.uint8 : dtype
    return (try? Tensor(bytes: elementBytes(), shape: [offsets.count], dtype: stored))?.scalars() ?? []
  }

  func elementBytes() -> [UInt8] {
    guard let address, !offsets.isEmpty else { return [] }
    return [UInt8](unsafeUninitializedCapacity: offsets.count * width) { bytes, count in
      count = offsets.count * width
      guard let target = bytes.baseAddress else { return }
      for (index, offset) in offsets.enumerated() { memcpy(target + index * width, address + offset, width) }
    }
  }

  /// All bytes between the canaries.
  func contentBytes() -> [UInt8] { Array(whole[offset..<(offset + byteCount)]) }

  /// The first byte that changed since it was filled or written, as a distance from `address`.
  /// - Parameter except: the elements, or everything between the canaries, may have changed.
  func firstChange(except allowed: Allowed) -> Int? {
    guard let base = whole.baseAddress else { return nil }
    var expected = snapshot
    expected.withUnsafeMutableBytes { expected in
      guard let target = expected.baseAddress else { return }
      switch allowed {
      case .nothing: break
      case .elements:
        for place in offsets { memcpy(target + offset + place, base + offset + place, width) }
      case .content: memcpy(target + offset, base + offset, byteCount)
      }
    }
    guard memcmp(base, expected, expected.count) != 0 else { return nil }
    return expected.indices.first { expected[$0] != whole[$0] }.map { $0 - offset }
  }

  enum Allowed { case nothing, elements, content }
}

extension Operand {
  /// Of each element in row-major order, in elements.
  func elementOffsets() -> [Int] {
    var offsets = [0]
    for (extent, stride) in zip(shape, strides) {
      offsets = offsets.flatMap { offset in (0..<extent).map { offset + $0 * stride } }
    }
    return offsets
  }
}
