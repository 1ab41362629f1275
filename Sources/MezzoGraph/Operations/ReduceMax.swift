import MezzoBackend

/// The largest over axes; equals share the gradient.
public struct ReduceMax: Reduction {
  public static let name = "reduce_max"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public var lowering: Lowering { .backend(.reduceMax, [Attribute("axes", .ints(axes))]) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (context.operands[0], try context.only())
    // Counted in float32: 16 bits do not hold counts beyond 2,048 or 256.
    let hits = try x.isEqual(context.results[0].broadcast(to: x.shape)).cast(to: x.atLeastFloat32().dtype)
    return [try (hits * (g.atLeastFloat32() / hits.sum(axes: axes, keepDims: true))).cast(to: g.dtype)]
  }
}

extension SymbolicTensor {
  /// Over `axes`, which may count from the end; over all where none are named.
  public func max(axes: [Int]? = nil, keepDims: Bool = false) throws(GraphError) -> SymbolicTensor {
    try reduced(axes, keepDims: keepDims) { ReduceMax(axes: $0) }
  }
}
