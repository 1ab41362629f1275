import MezzoBackend

/// Where the elements of an operand lie in memory.
enum Layout {
  case dense
  /// The last two axes change places in memory.
  case transposed
  /// Rows, and what is made of them, do not touch.
  case padded
  /// Every other element along the last axis.
  case everyOther
  /// The first axis that has more than one index has them all in the same place; for operands alone.
  case broadcast

  func strides(_ shape: [Int]) -> [Int] {
    switch self {
    case .dense: return rowMajorStrides(shape)
    case .transposed:
      guard shape.count >= 2 else { return rowMajorStrides(shape) }
      var swapped = shape
      swapped.swapAt(shape.count - 1, shape.count - 2)
      var strides = rowMajorStrides(swapped)
      strides.swapAt(shape.count - 1, shape.count - 2)
      return strides
    case .padded:
      guard let last = shape.last else { return [] }
      return rowMajorStrides(shape.dropLast() + [last + 3])
    case .everyOther: return rowMajorStrides(shape).map { 2 * $0 }
    case .broadcast:
      var strides = rowMajorStrides(shape)
      if let axis = shape.firstIndex(where: { $0 > 1 }) { strides[axis] = 0 }
      return strides
    }
  }

  /// A layout for each operand, in turn from the first list, and for each result from the second.
  typealias Plan = (inputs: [Layout], results: [Layout])

  static let plans: [Plan] = [
    ([.dense], [.dense]),
    ([.transposed, .dense], [.dense]),
    ([.padded, .transposed], [.padded]),
    ([.dense, .broadcast, .padded], [.dense]),
    ([.broadcast, .everyOther], [.transposed]),
    ([.everyOther, .padded], [.everyOther]),
  ]
}
