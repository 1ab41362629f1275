import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Brings elements of a file into the machine's byte order and into rows.
enum ElementOrder {
  /// Reverses the bytes of each element, of each part of a complex one.
  static func swap(_ bytes: UnsafeMutableRawBufferPointer, _ dtype: DType) {
    guard let width = dtype.byteWidth.map({ dtype.isComplex ? $0 / 2 : $0 }), width > 1 else { return }
    for start in stride(from: 0, through: bytes.count - width, by: width) {
      for offset in 0..<width / 2 { bytes.swapAt(start + offset, start + width - 1 - offset) }
    }
  }

  /// The elements with the last axis the fastest, where the first was.
  ///
  /// - Returns: `nil` where there is no memory for them.
  static func rows(fromColumns source: UnsafeRawBufferPointer, _ type: TensorType) -> TensorStorage? {
    guard let width = type.dtype.byteWidth, let storage = TensorStorage.allocate(byteCount: source.count) else {
      return nil
    }
    var strides = [Int](repeating: width, count: type.rank)
    for axis in 1..<max(type.rank, 1) { strides[axis] = strides[axis - 1] &* type.shape[axis - 1] }
    var index = [Int](repeating: 0, count: type.rank)
    var place = 0
    for target in stride(from: 0, to: source.count, by: width) {
      for offset in 0..<width { storage.bytes[target + offset] = source[place + offset] }
      // The next index, last axis first; the place follows it.
      for axis in stride(from: type.rank - 1, through: 0, by: -1) {
        index[axis] += 1
        place += strides[axis]
        if index[axis] < type.shape[axis] { break }
        place -= strides[axis] * index[axis]
        index[axis] = 0
      }
    }
    return storage
  }
}
