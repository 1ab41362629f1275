import MezzoBackend

/// The mean over axes, summed and divided in at least float32.
public struct ReduceMean: Reduction {
  public static let name = "reduce_mean"
  public var axes: [Int]

  public init(axes: [Int]) { self.axes = axes }

  public var lowering: Lowering { .backend(.reduceMean, [Attribute("axes", .ints(axes))]) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try (context.only() * (1 / Double(Swift.max(axes.map { context.operands[0].shape[$0] }.reduce(1, *), 1))))
        .broadcast(to: context.operands[0].shape)]
  }
}

extension SymbolicTensor {
  /// Over `axes`, which may count from the end; over all where none are named.
  public func mean(axes: [Int]? = nil, keepDims: Bool = false) throws(GraphError) -> SymbolicTensor {
    try reduced(axes, keepDims: keepDims) { ReduceMean(axes: $0) }
  }
}
