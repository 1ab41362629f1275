public import MezzoBackend
import MezzoPolicy

/// The index of the first largest element along an axis, which stays with extent 1: `[…] -> int32[…]`.
public struct ArgMax: Operation {
  public static let name = "arg_max"
  public var axis: Int

  public init(axis: Int) { self.axis = axis }

  public var lowering: Lowering { .backend(.argMax, [Attribute("axis", .int(axis))]) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    guard operands[0].shape.indices.contains(axis), operands[0].shape[axis] > 0 else {
      throw wrongShape("an operand with at least one element along axis \(axis)", operands)
    }
    var shape = operands[0].shape
    shape[axis] = 1
    return [TensorType(.int32, shape)]
  }
}

extension SymbolicTensor {
  /// Along the last axis, which goes away.
  public func argMax() throws(GraphError) -> SymbolicTensor {
    try apply(ArgMax(axis: rank - 1)).reshaped(Array(shape.dropLast()))
  }
}
