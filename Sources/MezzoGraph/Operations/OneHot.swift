public import MezzoBackend
public import MezzoPolicy

/// A 1 at each label's place and 0 elsewhere: `int[…] -> dtype[…, depth]`. A label outside gives a row of 0.
public struct OneHot: Operation {
  public static let name = "one_hot"
  public var depth: Int
  public var dtype: DType

  public init(depth: Int, dtype: DType) {
    self.depth = depth
    self.dtype = dtype
  }

  public var lowering: Lowering { .backend(.oneHot) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    guard operands[0].dtype == .int32 || operands[0].dtype == .int64 else {
      throw wrongDType("int32 or int64 labels", operands)
    }
    guard dtype.isFloatingPoint, depth > 0 else {
      throw GraphError(
        .attribute(
          operation: Self.name, expected: "a positive depth and a floating-point dtype",
          found: "\(depth), \(dtype.name)"))
    }
    return [TensorType(dtype, operands[0].shape + [depth])]
  }
}

extension SymbolicTensor {
  public func oneHot(depth: Int, dtype: DType) throws(GraphError) -> SymbolicTensor {
    try apply(OneHot(depth: depth, dtype: dtype))
  }
}
