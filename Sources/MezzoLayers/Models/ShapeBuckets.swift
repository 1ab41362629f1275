/// The few sizes that inputs of all sizes are filled up to, so that a stream of them runs on few plans.
///
/// Axis 0 is the batch, axis 1 the steps of sequences. More sizes waste less work on what is filled in, and make more plans.
///
/// ```swift
/// let buckets = try ShapeBuckets(batch: [1, 8, 32], steps: [16, 32, 64, 128])
/// let size = buckets.size(of: 20, axis: 1)  // 32
/// ```
public struct ShapeBuckets: Sendable, Hashable {
  /// For each axis that is filled up, its sizes in ascending order.
  public let sizes: [Int: [Int]]

  /// - Parameters:
  ///   - batch: sizes of the batch, in any order; without any it stays as it is.
  ///   - steps: those of the axis behind it.
  /// - Throws: `LayerError.invalidConfiguration` for a size below 1.
  public init(batch: [Int] = [], steps: [Int] = []) throws(LayerError) {
    try self.init(sizes: [0: batch, 1: steps])
  }

  /// - Parameter sizes: by axis.
  /// - Throws: `LayerError.invalidConfiguration` for a size below 1 or a negative axis.
  public init(sizes: [Int: [Int]]) throws(LayerError) {
    for (axis, sizes) in sizes {
      guard axis >= 0, sizes.allSatisfy({ $0 >= 1 }) else {
        throw .invalidConfiguration(
          layer: "shape buckets", expected: "sizes of 1 or more for axes of 0 or more",
          found: "\(sizes) for axis \(axis)")
      }
    }
    self.sizes = sizes.filter { !$0.value.isEmpty }.mapValues { Set($0).sorted() }
  }

  /// What `count` elements along an axis are filled up to: itself, where no size is large enough.
  public func size(of count: Int, axis: Int) -> Int {
    guard count > 0 else { return count }
    return sizes[axis]?.first { $0 >= count } ?? count
  }

  /// Shapes that come of it, as long as no input is larger than the largest.
  package var combinations: Int {
    sizes.values.reduce(1) { product, sizes in
      let (combined, overflows) = product.multipliedReportingOverflow(by: sizes.count)
      return overflows ? .max : combined
    }
  }
}
