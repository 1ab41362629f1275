import MezzoBackend
import MezzoPolicy

/// A scalar that is known when the graph is made.
struct Constant: Operation {
  static let name = "constant"
  /// Told apart by its bits: 0 is not −0, and a NaN is itself.
  private var bits: UInt64
  var dtype: DType

  init(value: Double, dtype: DType) {
    bits = value.bitPattern
    self.dtype = dtype
  }

  var lowering: Lowering { .constant(Double(bitPattern: bits)) }

  func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 0)
    let type = TensorType(dtype, [])
    guard ElementCodec(dtype) != nil else { throw .unusableType(type) }
    return [type]
  }
}
