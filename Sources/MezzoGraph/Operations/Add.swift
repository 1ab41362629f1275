import MezzoBackend

/// `x + y`, element by element.
///
/// Not public: `Add` is the layer, and here it is `+`.
struct Add: BinaryOperation {
  public static let name = "add"
  public var lowering: Lowering { .backend(.add) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [g, g]
  }
}

extension SymbolicTensor {
  /// Shapes broadcast as in NumPy; dtypes must be equal.
  public static func + (left: SymbolicTensor, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try broadcast(left, right, for: Add.name)
    return try left.apply(Add(), right)
  }

  public static func + (left: SymbolicTensor, right: Double) throws(GraphError) -> SymbolicTensor {
    try left + left.trace.constant(right, dtype: left.dtype)
  }

  public static func + (left: Double, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try right.trace.constant(left, dtype: right.dtype) + right
  }
}
