import MezzoBackend

/// The larger of two elements; NaN if either is. Of equals the first gets the gradient.
///
/// Not public: `Maximum` is the layer, and here it is `maximum(_:)`.
struct Maximum: BinaryOperation {
  public static let name = "maximum"
  public var lowering: Lowering { .backend(.maximum) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, y, g) = (context.operands[0], context.operands[1], try context.only())
    let zero = try x.trace.constant(0, dtype: g.dtype)
    let takesFirst = try y.isLessOrEqual(x)
    return [try takesFirst.select(g, zero), try takesFirst.select(zero, g)]
  }
}

extension SymbolicTensor {
  public func maximum(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try Self.broadcast(self, other, for: Maximum.name)
    return try left.apply(Maximum(), right)
  }
}
