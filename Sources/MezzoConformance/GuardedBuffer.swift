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
  /// More than one vector register, so that a kernel that works in whole vectors is caught.
  private static let guardBytes = 128
  private static let alignment = 64

  private let whole: UnsafeMutableRawBufferPointer
  let byteCount: Int
  /// Of each element in row-major order, in bytes from `address`.
  private let offsets: [Int]
  private let width: Int
  private let dtype: DType
  private var snapshot: [UInt8] = []

  var address: UnsafeMutableRawPointer? { whole.baseAddress.map { $0 + Self.guardBytes } }

  /// For the elements of `operand`.
  convenience init(_ operand: Operand, poison: Poison) {
    let width = operand.dtype.byteWidth ?? 1
    let offsets = operand.elementOffsets().map { $0 * width }
    self.init(byteCount: (offsets.max() ?? -width) + width, offsets: offsets, width: width, dtype: operand.dtype)
    fill(poison)
  }

  /// For bytes without a dtype, such as a workspace.
  convenience init(byteCount: Int, poison: Poison) {
    self.init(byteCount: byteCount, offsets: [], width: 1, dtype: .uint8)
    fill(poison)
  }

  private init(byteCount: Int, offsets: [Int], width: Int, dtype: DType) {
    self.byteCount = byteCount
    self.offsets = offsets
    self.width = width
    self.dtype = dtype
    whole = .allocate(byteCount: byteCount + 2 * Self.guardBytes, alignment: Self.alignment)
  }

  deinit { whole.deallocate() }

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

  /// The same bytes as in a buffer of the same operand.
  func write(bytesOf other: GuardedBuffer) {
    whole.copyMemory(from: UnsafeRawBufferPointer(other.whole))
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
  func contentBytes() -> [UInt8] { Array(whole[Self.guardBytes..<(Self.guardBytes + byteCount)]) }

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
        for offset in offsets {
          memcpy(target + Self.guardBytes + offset, base + Self.guardBytes + offset, width)
        }
      case .content: memcpy(target + Self.guardBytes, base + Self.guardBytes, byteCount)
      }
    }
    guard memcmp(base, expected, expected.count) != 0 else { return nil }
    return expected.indices.first { expected[$0] != whole[$0] }.map { $0 - Self.guardBytes }
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
