public import MezzoBackend

/// The matrix product over the last two axes: `[…, m, k] […, k, n] -> […, m, n]`, summed in at least float32.
public struct MatMul: Operation {
  public static let name = "matmul"
  public var lowering: Lowering { .backend(.matmul) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireFloatingPoint(operands)
    let (a, b) = (operands[0], operands[1])
    guard a.dtype == b.dtype else { throw wrongDType("operands of one dtype", operands) }
    guard a.rank >= 2, a.rank == b.rank, a.shape.dropLast(2) == b.shape.dropLast(2),
      a.shape[a.rank - 1] == b.shape[b.rank - 2]
    else { throw wrongShape("operands […, m, k] and […, k, n] with the same k and leading extents", operands) }
    return [TensorType(a.dtype, a.shape.dropLast() + [b.shape[b.rank - 1]])]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (a, b, g) = (context.operands[0], context.operands[1], try context.only())
    return [try g.matmul(b.transposed()), try a.transposed().matmul(g)]
  }
}

extension SymbolicTensor {
  public func matmul(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor { try apply(MatMul(), other) }
}
