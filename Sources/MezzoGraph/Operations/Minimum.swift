import MezzoBackend

/// The smaller of two elements; NaN if either is. Of equals the first gets the gradient.
///
/// Not public: `Minimum` is the layer, and here it is `minimum(_:)`.
struct Minimum: BinaryOperation {
  public static let name = "minimum"
  public var lowering: Lowering { .backend(.minimum) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, y, g) = (context.operands[0], context.operands[1], try context.only())
    let zero = try x.trace.constant(0, dtype: g.dtype)
    let takesFirst = try x.isLessOrEqual(y)
    return [try takesFirst.select(g, zero), try takesFirst.select(zero, g)]
  }
}

extension SymbolicTensor {
  public func minimum(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try Self.broadcast(self, other, for: Minimum.name)
    return try left.apply(Minimum(), right)
  }
}
