import MezzoBackend

/// `x − y`, element by element.
///
/// Not public: `Subtract` is the layer, and here it is `-`.
struct Subtract: BinaryOperation {
  public static let name = "subtract"
  public var lowering: Lowering { .backend(.subtract) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [g, try g.negated()]
  }
}

extension SymbolicTensor {
  /// Shapes broadcast as in NumPy; dtypes must be equal.
  public static func - (left: SymbolicTensor, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try broadcast(left, right, for: Subtract.name)
    return try left.apply(Subtract(), right)
  }

  public static func - (left: SymbolicTensor, right: Double) throws(GraphError) -> SymbolicTensor {
    try left - left.trace.constant(right, dtype: left.dtype)
  }

  public static func - (left: Double, right: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try right.trace.constant(left, dtype: right.dtype) - right
  }
}
