import MezzoBackend

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
    let (y, g) = (try context.results[0].atLeastFloat32(), try context.only().atLeastFloat32())
    let weighted = try y * g
    return [try (weighted - y * weighted.sum(axes: [axis], keepDims: true)).cast(to: context.operands[0].dtype)]
  }
}

extension SymbolicTensor {
  /// Along `axis`, which may count from the end.
  public func softmax(axis: Int = -1) throws(GraphError) -> SymbolicTensor {
    try apply(Softmax(axis: axis < 0 ? axis + rank : axis))
  }
}
