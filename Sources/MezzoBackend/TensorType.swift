public import MezzoPolicy

/// What is known of a tensor before it has values: its dtype and its extents.
///
/// `TensorType(.bfloat16, [128, 784])` is a batch of 128 rows of 784 bfloat16 values; `[]` is a scalar.
public struct TensorType: Hashable, Sendable, Codable, CustomStringConvertible {
  public var dtype: DType
  public var shape: [Int]

  public init(_ dtype: DType, _ shape: [Int]) {
    self.dtype = dtype
    self.shape = shape
  }

  public var rank: Int { shape.count }

  /// The product of the extents, `nil` where an extent is negative or the product does not fit an `Int`.
  public var checkedCount: Int? {
    var count = 1
    var overflowed = false
    for extent in shape {
      guard extent >= 0 else { return nil }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      // An extent of 0 further on makes the whole product 0, however large its neighbours.
      overflowed = overflowed || overflow
      count = overflow ? Int.max : product
    }
    if shape.contains(0) { return 0 }
    return overflowed ? nil : count
  }

  /// Bytes of a dense tensor of this type, `nil` where the count or the element's size is not known.
  public var checkedByteCount: Int? {
    guard let count = checkedCount, let width = dtype.byteWidth else { return nil }
    let (bytes, overflow) = count.multipliedReportingOverflow(by: width)
    return overflow ? nil : bytes
  }

  /// `bfloat16[128, 784]`
  public var description: String {
    guard shape.count > Self.shownAxes else { return "\(dtype.name)\(shape)" }
    let first = shape.prefix(Self.shownAxes).map(String.init).joined(separator: ", ")
    return "\(dtype.name)[\(first), … \(shape.count) axes]"
  }

  private static let shownAxes = 16
}

/// Strides in elements, last axis fastest: `[2, 3, 4]` has strides `[12, 4, 1]`.
public func rowMajorStrides(_ shape: [Int]) -> [Int] {
  var strides = [Int](repeating: 1, count: shape.count)
  for axis in stride(from: shape.count - 2, through: 0, by: -1) {
    strides[axis] = strides[axis + 1] &* max(shape[axis + 1], 1)
  }
  return strides
}
