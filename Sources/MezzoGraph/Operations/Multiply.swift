import MezzoBackend

/// `x · y`, element by element.
///
/// Not public: `Multiply` is the layer, and here it is `*`.
struct Multiply: BinaryOperation {
  public static let name = "multiply"
  public var lowering: Lowering { .backend(.multiply) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g * context.operands[1], try g * context.operands[0]]
  }
}

extension SymbolicTensor {
  /// Shapes broadcast as in NumPy; dtypes must be equal.
  public static func * (left: SymbolicTensor, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try broadcast(left, right, for: Multiply.name)
    return try left.apply(Multiply(), right)
  }

  public static func * (left: SymbolicTensor, right: Double) throws(GraphError) -> SymbolicTensor {
    try left * left.trace.constant(right, dtype: left.dtype)
  }

  public static func * (left: Double, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try right.trace.constant(left, dtype: right.dtype) * right
  }
}
