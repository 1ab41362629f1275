public import MezzoBackend
import MezzoPolicy

/// An element of the first where the condition holds, else of the second: `bool[…] […] […] -> […]`.
public struct Select: Operation {
  public static let name = "select"
  public var lowering: Lowering { .backend(.select) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 3)
    guard operands[0].dtype == .bool else { throw wrongDType("a bool condition", operands) }
    try requireEqualTypes(Array(operands[1...]))
    guard operands[0].shape == operands[1].shape else { throw wrongShape("operands of one shape", operands) }
    return [operands[1]]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    let zero = try g.trace.constant(0, dtype: g.dtype)
    return [nil, try context.operands[0].select(g, zero), try context.operands[0].select(zero, g)]
  }
}

extension SymbolicTensor {
  /// `self` is the condition; all three broadcast.
  public func select(_ yes: SymbolicTensor, _ no: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let shape = try Self.broadcastShape([self, yes, no], for: Select.name)
    return try broadcast(to: shape).apply(Select(), try yes.broadcast(to: shape), try no.broadcast(to: shape))
  }
}
