public import MezzoBackend

/// `eˣ ∕ Σ eˣ` along an axis, in at least float32, shifted by the maximum.
///
/// Not public: `Softmax` is the layer, and here it is `softmax(axis:)`.
struct Softmax: Operation {
  public static let name = "softmax"
  public var axis: Int

  public init(axis: Int) { self.axis = axis }

  public var lowering: Lowering { .backend(.softmax, [Attribute("axis", .int(axis))]) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    guard operands[0].shape.indices.contains(axis) else {
      throw wrongShape("an operand with an axis \(axis)", operands)
    }
    return operands
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().apply(SoftmaxGradient(axis: axis), context.results[0])]
  }
}

/// The gradient by the operand of a softmax, from its result: `dy[…] y[…] -> […]`, `y · (dy − Σ dy·y)` along an axis.
public struct SoftmaxGradient: FloatingBinaryOperation {
  public static let name = "softmax_gradient"
  public var axis: Int

  public init(axis: Int) { self.axis = axis }

  public var lowering: Lowering { .backend(.softmaxGradient, [Attribute("axis", .int(axis))]) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireEqualTypes(operands)
    try requireFloatingPoint(operands)
    guard operands[0].shape.indices.contains(axis) else {
      throw wrongShape("operands with an axis \(axis)", operands)
    }
    return [operands[0]]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    try context.gradient { operands throws(GraphError) in
      let (dy, y) = (operands[0], operands[1])
      return [try y * (dy - (dy * y).sum(axes: [axis], keepDims: true))]
    }
  }
}

extension SymbolicTensor {
  /// Along `axis`, which may count from the end.
  public func softmax(axis: Int = -1) throws(GraphError) -> SymbolicTensor {
    try apply(Softmax(axis: axis < 0 ? axis + rank : axis))
  }
}
