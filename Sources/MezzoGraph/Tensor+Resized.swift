import MezzoBackend

extension Tensor {
  /// A tensor of `shape`, of the same rank: the elements from the beginning of each axis, and `padding` where an axis is longer.
  package func resized(_ shape: [Int], padding: Double = 0) throws(GraphError) -> Tensor {
    let old = self.shape
    guard let last = old.indices.last(where: { old[$0] != shape[$0] }) else { return self }
    let type = TensorType(dtype, shape)
    let result = try padding == 0 ? Tensor(zeros: type) : Tensor(type) { padding }
    guard result.byteCount > 0, byteCount > 0 else { return result }
    let common = zip(old, shape).map(min)
    let trailing = old[(last + 1)...].reduce(byteCount / count, *)
    let run = common[last] * trailing
    var index = [Int](repeating: 0, count: last)
    withUnsafeBytes { source in
      repeat {
        let (from, to) = (
          Self.place(index, old) * old[last] * trailing, Self.place(index, shape) * shape[last] * trailing
        )
        UnsafeMutableRawBufferPointer(rebasing: result.storage.bytes[to..<to + run])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from..<from + run]))
      } while Self.advance(&index, common)
    }
    return result
  }

  private static func place(_ index: [Int], _ shape: [Int]) -> Int {
    zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// The next index in row-major order, if there is one.
  private static func advance(_ index: inout [Int], _ extents: [Int]) -> Bool {
    for axis in index.indices.reversed() {
      index[axis] += 1
      if index[axis] < extents[axis] { return true }
      index[axis] = 0
    }
    return false
  }
}
