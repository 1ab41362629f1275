public import MezzoBackend
import MezzoPolicy

/// The gradient of an ``AveragePool`` by its operand: `dy[n, o…, c] -> [n, i…, c]`, summed in at least float32.
public struct AveragePoolGradient: Operation {
  public static let name = "average_pool_gradient"
  public var pool: AveragePool
  /// The extents `i`.
  public var extents: [Int]

  public init(_ pool: AveragePool, extents: [Int]) {
    self.pool = pool
    self.extents = extents
  }

  public var lowering: Lowering { .backend(.averagePoolGradient, pool.windows.pooled(pool.size)) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    try requireFloatingPoint(operands)
    let dy = operands[0]
    guard dy.rank == extents.count + 2, extents.allSatisfy({ $0 >= 0 }) else {
      throw wrongShape("a gradient [batch, \(extents.count) extents, channels]", operands)
    }
    let x = TensorType(dy.dtype, dy.shape[..<1] + extents + dy.shape[(dy.rank - 1)...])
    guard try pool.windows.pooled(x, size: pool.size, Self.name) == dy else {
      throw wrongShape("the gradient of a mean over \(x)", operands)
    }
    return [x]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().apply(pool)]
  }
}
