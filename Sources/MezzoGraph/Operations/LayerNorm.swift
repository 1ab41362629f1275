public import MezzoBackend
import MezzoPolicy

/// Rows brought to mean 0 and variance 1, or only to mean square 1, then scaled and shifted: `x[…, n] residual[…, n]
/// gamma[n] beta[n] -> […, n]`, in at least float32 and rounded once.
///
/// With `s = x + residual`, not rounded, and `c = s − mean(s)` if it is centered, else `c = s`:
/// `c ∕ √(mean(c²) + epsilon) · gamma + beta` (Ba, Kiros and Hinton, arXiv 1607.06450; Zhang and Sennrich, NeurIPS
/// 2019).
public struct LayerNorm: Operation {
  public static let name = "layer_norm"
  public var epsilon: Double
  public var isCentered: Bool

  public init(epsilon: Double, isCentered: Bool = true) {
    self.epsilon = epsilon
    self.isCentered = isCentered
  }

  fileprivate var attributes: [Attribute] {
    [Attribute("epsilon", .float(epsilon)), Attribute("centered", .int(isCentered ? 1 : 0))]
  }

  public var lowering: Lowering { .backend(.layerNorm, attributes) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 4)
    try requireRows(operands, along: 2)
    try requireEqualTypes(Array(operands[..<2]))
    return [operands[0]]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, residual, gamma) = (context.operands[0], context.operands[1], context.operands[2])
    let sum = residual.isZero ? x : try x + residual
    let gradients = try sum.trace.apply(
      LayerNormGradient(epsilon: epsilon, isCentered: isCentered), [try context.only(), sum, gamma])
    return [gradients[0], gradients[0], gradients[1], gradients[2]]
  }
}

/// The gradients of a ``LayerNorm`` without residual: `dy[…, n] x[…, n] gamma[n] -> dx[…, n] dgamma[n] dbeta[n]`.
public struct LayerNormGradient: Operation {
  public static let name = "layer_norm_gradient"
  public var epsilon: Double
  public var isCentered: Bool

  public init(epsilon: Double, isCentered: Bool = true) {
    self.epsilon = epsilon
    self.isCentered = isCentered
  }

  private var forward: LayerNorm { LayerNorm(epsilon: epsilon, isCentered: isCentered) }

  public var lowering: Lowering { .backend(.layerNormGradient, forward.attributes) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 3)
    try requireRows(operands, along: 2)
    try requireEqualTypes(Array(operands[..<2]))
    return [operands[0], operands[2], operands[2]]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    try context.gradient { operands throws(GraphError) in
      let (dy, x, gamma) = (operands[0], operands[1], operands[2])
      let (last, others) = ([x.rank - 1], Array(0..<(x.rank - 1)))
      let c = try isCentered ? x - x.mean(axes: last, keepDims: true) : x
      let scale = try 1 / ((c * c).mean(axes: last, keepDims: true) + epsilon).sqrt()
      let (h, g) = (try c * scale, try dy * gamma)
      let slope = try h * (g * h).mean(axes: last, keepDims: true)
      let mean = try isCentered ? g.mean(axes: last, keepDims: true) + slope : slope
      return [try scale * (g - mean), try (dy * h).sum(axes: others), try dy.sum(axes: others)]
    }
  }
}

extension Operation {
  /// Rows at the front, and from `first` on vectors of their length that share a dtype.
  fileprivate func requireRows(_ operands: [TensorType], along first: Int) throws(GraphError) {
    try requireFloatingPoint(operands)
    guard let n = operands[0].shape.last, operands[first...].allSatisfy({ $0.shape == [n] }) else {
      throw wrongShape("rows […, n] and vectors [n]", operands)
    }
    guard Set(operands[first...].map(\.dtype)).count == 1 else { throw wrongDType("vectors of one dtype", operands) }
    guard (operands[0].dtype == .float64) == (operands[first].dtype == .float64) else {
      throw wrongDType("rows and vectors that are both float64, or neither", operands)
    }
  }
}

extension SymbolicTensor {
  /// Along the last axis; see ``LayerNorm``. Without a scale it is 1, without a shift 0.
  public func layerNormalized(
    gamma: SymbolicTensor? = nil, beta: SymbolicTensor? = nil, epsilon: Double, isCentered: Bool = true
  ) throws(GraphError) -> SymbolicTensor {
    guard let n = shape.last else {
      throw GraphError(
        .shape(operation: LayerNorm.name, expected: "rows […, n]", found: [type]), layer: trace.origin.layer)
    }
    let vectors = gamma?.dtype ?? beta?.dtype ?? (dtype == .float64 ? .float64 : .float32)
    let one = try trace.constant(1, dtype: vectors).broadcast(to: [n])
    let zero = try trace.constant(0, dtype: vectors).broadcast(to: [n])
    return try apply(
      LayerNorm(epsilon: epsilon, isCentered: isCentered), trace.constant(0, dtype: dtype).broadcast(to: shape),
      gamma ?? one, beta ?? zero)
  }

  /// Whether it is known to be 0 everywhere.
  fileprivate var isZero: Bool { trace.literal(id) == 0 }
}
