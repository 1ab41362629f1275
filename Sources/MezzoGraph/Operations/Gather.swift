public import MezzoBackend
import MezzoPolicy

/// The rows of a table that indices name: `[n, d…] int[…] -> […, d…]`, bit for bit. An index outside 0 ..< n gives a
/// row of NaN, which gets no gradient.
public struct Gather: Operation {
  public static let name = "gather"
  public var lowering: Lowering { .backend(.gather) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    let (table, indices) = (operands[0], operands[1])
    try requireFloatingPoint([table])
    guard indices.dtype == .int32 || indices.dtype == .int64 else {
      throw wrongDType("int32 or int64 indices", operands)
    }
    guard let rows = table.shape.first, rows > 0 else {
      throw wrongShape("a table [n, …] of at least one row", operands)
    }
    return [TensorType(table.dtype, indices.shape + table.shape.dropFirst())]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (table, indices) = (context.operands[0], context.operands[1])
    return [try context.only().scatterAdd(indices, rows: table.shape[0]), nil]
  }
}

extension SymbolicTensor {
  /// `self` is the table.
  public func gather(_ indices: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try apply(Gather(), indices)
  }
}
