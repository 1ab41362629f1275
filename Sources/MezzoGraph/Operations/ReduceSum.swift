import MezzoBackend

/// The sum over axes, in at least float32.
public struct ReduceSum: Reduction {
  public static let name = "reduce_sum"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public var lowering: Lowering { .backend(.reduceSum, [Attribute("axes", .ints(axes))]) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().broadcast(to: context.operands[0].shape)]
  }
}

extension SymbolicTensor {
  /// Over `axes`, which may count from the end; over all where none are named.
  public func sum(axes: [Int]? = nil, keepDims: Bool = false) throws(GraphError) -> SymbolicTensor {
    try reduced(axes, keepDims: keepDims) { ReduceSum(axes: $0) }
  }
}
