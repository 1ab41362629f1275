import MezzoBackend

/// The mean over axes, summed and divided in at least float32.
public struct ReduceMean: Reduction {
  public static let name = "reduce_mean"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public var lowering: Lowering { .backend(.reduceMean, [Attribute("axes", .ints(axes))]) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let shape = context.operands[0].shape
    // In floating point, where the extents beside an extent of 0 cannot overflow.
    let folded = axes.reduce(1) { $0 * Double(shape[$1]) }
    let g = try context.only()
    return [try (g.atLeastFloat32() * (1 / Swift.max(folded, 1))).cast(to: g.dtype).broadcast(to: shape)]
  }
}

extension SymbolicTensor {
  /// Over `axes`, which may count from the end; over all where none are named.
  public func mean(axes: [Int]? = nil, keepDims: Bool = false) throws(GraphError) -> SymbolicTensor {
    try reduced(axes, keepDims: keepDims) { ReduceMean(axes: $0) }
  }
}
