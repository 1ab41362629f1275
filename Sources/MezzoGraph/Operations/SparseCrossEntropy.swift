public import MezzoBackend
import MezzoPolicy

/// `log Σ e^logits − logits[label]` for each row: `[b, c] int[b] -> [b]`, computed in and given as at least float32.
/// A label outside 0 ..< c gives NaN.
public struct SparseCrossEntropy: Operation {
  public static let name = "sparse_cross_entropy"
  public var lowering: Lowering { .backend(.sparseCrossEntropy) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    let (logits, labels) = (operands[0], operands[1])
    try requireFloatingPoint([logits])
    guard labels.dtype == .int32 || labels.dtype == .int64 else { throw wrongDType("int32 or int64 labels", operands) }
    guard logits.rank == 2, labels.shape == [logits.shape[0]], logits.shape[1] > 0 else {
      throw wrongShape("logits [batch, classes] and labels [batch]", operands)
    }
    return [TensorType(logits.dtype == .float64 ? .float64 : .float32, labels.shape)]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (logits, labels, g) = (context.operands[0], context.operands[1], try context.only())
    let probabilities = try logits.atLeastFloat32().softmax()
    let targets = try labels.oneHot(depth: logits.shape[1], dtype: g.dtype)
    return [try ((probabilities - targets) * g.reshaped([g.shape[0], 1])).cast(to: logits.dtype), nil]
  }
}

extension SymbolicTensor {
  public func sparseCrossEntropy(labels: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    try apply(SparseCrossEntropy(), labels)
  }
}
