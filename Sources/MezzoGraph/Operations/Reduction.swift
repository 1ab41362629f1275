import MezzoBackend

/// An operation that folds axes to extent 1.
protocol Reduction: Operation {
  /// Ascending, without repetition, each within the operand's rank.
  var axes: [Int] { get }
}

extension Reduction {
  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    guard Set(axes).count == axes.count, axes == axes.sorted(), axes.allSatisfy(operands[0].shape.indices.contains)
    else {
      throw wrongShape("an operand with the axes \(axes)", operands)
    }
    var shape = operands[0].shape
    for axis in axes { shape[axis] = 1 }
    return [TensorType(operands[0].dtype, shape)]
  }
}

extension SymbolicTensor {
  func reduced(_ axes: [Int]?, keepDims: Bool, _ make: ([Int]) -> some Reduction) throws(GraphError) -> SymbolicTensor {
    let axes = (axes ?? Array(0..<rank)).map { $0 < 0 ? $0 + rank : $0 }.sorted()
    let folded = axes.isEmpty ? self : try apply(make(axes))
    return keepDims
      ? folded : try folded.reshaped(folded.shape.indices.filter { !axes.contains($0) }.map { folded.shape[$0] })
  }
}
