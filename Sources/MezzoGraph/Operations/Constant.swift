import MezzoBackend
import MezzoPolicy

/// A scalar that is known when the graph is made.
struct Constant: Operation {
  static let name = "constant"
  var value: Double
  var dtype: DType

  var lowering: Lowering { .constant(value) }

  func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 0)
    return [TensorType(dtype, [])]
  }
}
