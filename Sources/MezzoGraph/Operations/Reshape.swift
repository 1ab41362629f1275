import MezzoBackend

/// The same elements in row-major order under another shape.
///
/// Not public: `Reshape` is the layer, and here it is `reshaped(_:)`.
struct Reshape: Operation {
  public static let name = "reshape"
  public var shape: [Int]

  public init(to shape: [Int]) { self.shape = shape }

  public var lowering: Lowering { .view(.reshape) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    let result = TensorType(operands[0].dtype, shape)
    guard result.checkedCount == operands[0].checkedCount, result.checkedCount != nil else {
      throw wrongShape("as many elements as \(shape) has", operands)
    }
    return [result]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().reshaped(context.operands[0].shape)]
  }
}

extension SymbolicTensor {
  public func reshaped(_ shape: [Int]) throws(GraphError) -> SymbolicTensor {
    shape == self.shape ? self : try apply(Reshape(to: shape))
  }
}
