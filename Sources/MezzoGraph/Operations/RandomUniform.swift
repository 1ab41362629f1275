public import MezzoBackend
import MezzoPolicy

/// Uniform float32 in [0, 1) from a key `int64[2]` of a seed and a step: the same key and stream give the same numbers.
///
/// Philox4x32-10 (Salmon et al., SC 2011), so that element `i` needs no state and no order.
public struct RandomUniform: Operation {
  public static let name = "random_uniform"
  public var shape: [Int]
  /// Tells apart the places in a graph that draw with one key.
  public var stream: Int

  public init(shape: [Int], stream: Int) {
    self.shape = shape
    self.stream = stream
  }

  public var lowering: Lowering { .backend(.randomUniform, [Attribute("stream", .int(stream))]) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    guard operands[0] == TensorType(.int64, [2]) else { throw wrongShape("a key int64[2]", operands) }
    return [TensorType(.float32, shape)]
  }
}

extension SymbolicTensor {
  /// `self` is the key.
  public func randomUniform(_ shape: [Int], stream: Int) throws(GraphError) -> SymbolicTensor {
    try apply(RandomUniform(shape: shape, stream: stream))
  }
}
