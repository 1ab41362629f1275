import MezzoBackend

/// `|x|`; its gradient at 0 is 0.
public struct Abs: UnaryOperation {
  public static let name = "abs"
  public var lowering: Lowering { .backend(.abs) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (context.operands[0], try context.only())
    let zero = try x.trace.constant(0, dtype: x.dtype)
    return [try zero.isLess(x).select(g, try x.isLess(zero).select(g.negated(), zero))]
  }
}

extension SymbolicTensor {
  public func abs() throws(GraphError) -> SymbolicTensor { try apply(Abs()) }
}
