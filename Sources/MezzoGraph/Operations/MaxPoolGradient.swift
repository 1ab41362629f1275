public import MezzoBackend
import MezzoPolicy

/// The gradient of a ``MaxPool`` by its operand, shared equally by the elements of a window that equal the largest:
/// `dy[n, o…, c] x[n, i…, c] y[n, o…, c] -> [n, i…, c]`, summed in at least float32.
public struct MaxPoolGradient: Operation {
  public static let name = "max_pool_gradient"
  public var pool: MaxPool

  public init(_ pool: MaxPool) { self.pool = pool }

  public var lowering: Lowering { .backend(.maxPoolGradient, pool.windows.pooled(pool.size)) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 3)
    try requireFloatingPoint(operands)
    guard operands[0] == operands[2], try pool.windows.pooled(operands[1], size: pool.size, Self.name) == operands[0]
    else {
      throw wrongShape("a gradient, what was pooled, and what came of it", operands)
    }
    return [operands[1]]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, y, g) = (context.operands[1], context.operands[2], try context.only())
    let axes = pool.size.count
    func windows(_ tensor: SymbolicTensor, outside: Double) throws(GraphError) -> SymbolicTensor {
      try tensor.padded(
        low: [0] + pool.windows.low + [0], high: [0] + pool.windows.high + [0], value: outside
      ).windows(size: pool.size, strides: pool.windows.strides)
    }
    let seen = try windows(x, outside: -.infinity)
    let largest = try y.reshaped(y.shape[...axes] + pool.size.map { _ in 1 } + y.shape[(axes + 1)...])
      .broadcast(to: seen.shape)
    let hits = try seen.isEqual(largest).cast(to: x.atLeastFloat32().dtype)
    let within = Array(axes + 1...2 * axes)
    let sum = try (hits * windows(g.atLeastFloat32(), outside: 0)).sum(axes: within)
    return [try (sum / hits.sum(axes: within)).cast(to: g.dtype), nil, nil]
  }
}
