public import MezzoBackend
import MezzoPolicy

/// Whether both are true: `bool[…] bool[…] -> bool[…]`.
public struct LogicalAnd: Operation {
  public static let name = "logical_and"
  public var lowering: Lowering { .backend(.logicalAnd) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireEqualTypes(operands)
    guard operands[0].dtype == .bool else { throw wrongDType("bool operands", operands) }
    return [operands[0]]
  }
}

extension SymbolicTensor {
  public func and(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try Self.broadcast(self, other, for: LogicalAnd.name)
    return try left.apply(LogicalAnd(), right)
  }
}
