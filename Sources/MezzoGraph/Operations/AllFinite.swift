public import MezzoBackend
import MezzoPolicy

/// Whether no element is infinite or NaN: `[…] -> bool[]`.
public struct AllFinite: Operation {
  public static let name = "all_finite"
  public var lowering: Lowering { .backend(.allFinite) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    return [TensorType(.bool, [])]
  }
}

extension SymbolicTensor {
  public func allFinite() throws(GraphError) -> SymbolicTensor { try apply(AllFinite()) }
}
