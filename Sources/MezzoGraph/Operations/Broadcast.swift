public import MezzoBackend

/// The elements repeated along axes of extent 1 and along new leading axes, as NumPy does.
public struct Broadcast: Operation {
  public static let name = "broadcast"
  public var shape: [Int]

  public init(to shape: [Int]) { self.shape = shape }

  public var lowering: Lowering { .view(.broadcast) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    let source = operands[0].shape
    guard source.count <= shape.count, zip(source.reversed(), shape.reversed()).allSatisfy({ $0 == 1 || $0 == $1 })
    else { throw wrongShape("a shape that broadcasts to \(shape)", operands) }
    return [TensorType(operands[0].dtype, shape)]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let source = context.operands[0].shape
    let added = shape.count - source.count
    let axes = shape.indices.filter { $0 < added || (source[$0 - added] == 1 && shape[$0] != 1) }
    return [try context.only().sum(axes: axes).reshaped(source)]
  }
}

extension SymbolicTensor {
  public func broadcast(to shape: [Int]) throws(GraphError) -> SymbolicTensor {
    shape == self.shape ? self : try apply(Broadcast(to: shape))
  }

  /// Both with the shape that NumPy's rules give them.
  static func broadcast(
    _ left: SymbolicTensor, _ right: SymbolicTensor, for operation: String
  ) throws(GraphError) -> (SymbolicTensor, SymbolicTensor) {
    let shape = try broadcastShape([left, right], for: operation)
    return (try left.broadcast(to: shape), try right.broadcast(to: shape))
  }

  static func broadcastShape(_ tensors: [SymbolicTensor], for operation: String) throws(GraphError) -> [Int] {
    var shape = [Int](repeating: 1, count: tensors.map(\.rank).max() ?? 0)
    for tensor in tensors {
      let offset = shape.count - tensor.rank
      for (axis, extent) in tensor.shape.enumerated() where extent != 1 {
        guard shape[axis + offset] == 1 || shape[axis + offset] == extent else {
          throw GraphError(
            .shape(operation: operation, expected: "shapes that broadcast", found: tensors.map(\.type)),
            layer: tensor.trace.origin.layer)
        }
        shape[axis + offset] = extent
      }
    }
    return shape
  }
}
