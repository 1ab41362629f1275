import MezzoBackend

/// `x ∕ y`, element by element.
public struct Divide: FloatingBinaryOperation {
  public static let name = "divide"
  public var lowering: Lowering { .backend(.divide) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g / context.operands[1], try (g * context.results[0] / context.operands[1]).negated()]
  }
}

extension SymbolicTensor {
  /// Shapes broadcast as in NumPy; dtypes must be equal.
  public static func / (left: SymbolicTensor, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try broadcast(left, right, for: Divide.name)
    return try left.apply(Divide(), right)
  }

  public static func / (left: SymbolicTensor, right: Double) throws(GraphError) -> SymbolicTensor {
    try left / left.trace.constant(right, dtype: left.dtype)
  }

  public static func / (left: Double, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try right.trace.constant(left, dtype: right.dtype) / right
  }
}
