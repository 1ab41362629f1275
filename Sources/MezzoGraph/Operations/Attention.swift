public import MezzoBackend
import MezzoPolicy

/// Values weighted by the softmax of the scores of queries and keys: `q[…, s, d] k[…, t, d] v[…, t, e] bias[…, s, t] ->
/// o[…, s, e] lse[…, s]`, without a matrix of scores (Rabe and Staats, arXiv 2112.05682; Dao et al., arXiv 2205.14135).
///
/// With scores `p = scale · q kᵀ + bias`, and −∞ where it is causal and `t > s`, in at least float32:
/// `lse = log Σ eᵖ` over the keys and `o = e^(p − lse) · v`. Where all scores of a row are −∞, `o` is 0 and `lse` −∞.
/// Bias and `lse` are float32, or float64 beside float64; no gradient goes to the bias, which is for masks.
public struct ScaledAttention: Operation {
  public static let name = "attention"
  public var scale: Double
  public var isCausal: Bool

  public init(scale: Double, isCausal: Bool = false) {
    self.scale = scale
    self.isCausal = isCausal
  }

  fileprivate var attributes: [Attribute] {
    [Attribute("scale", .float(scale)), Attribute("causal", .int(isCausal ? 1 : 0))]
  }

  public var lowering: Lowering { .backend(.attention, attributes) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 4)
    return try attentionTypes(operands)
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (operands, results) = (context.operands, context.results)
    let gradient = AttentionGradient(scale: scale, isCausal: isCausal)
    var gradients: [SymbolicTensor?] = try operands[0].trace.apply(
      gradient, [try context.gradientOrZero(0)] + operands + results)
    if let byLSE = context.resultGradients[1] {
      let (q, k) = (try operands[0].atLeastFloat32(), try operands[1].atLeastFloat32())
      let weights = try gradient.weights(q, k, operands[3], results[1])
      let slopes = try weights * byLSE.reshaped(byLSE.shape + [1]) * scale
      let more = [try slopes.matmul(k), try slopes.transposed().matmul(q)]
      for (index, term) in more.enumerated() {
        gradients[index] = try gradients[index].map { sum throws(GraphError) in try sum + term.cast(to: sum.dtype) }
      }
    }
    return gradients + [nil]
  }
}

/// The gradients of a ``ScaledAttention``: `do[…, s, e] q k v bias o lse -> dq dk dv`, where the scores are made anew.
public struct AttentionGradient: Operation {
  public static let name = "attention_gradient"
  public var scale: Double
  public var isCausal: Bool

  public init(scale: Double, isCausal: Bool = false) {
    self.scale = scale
    self.isCausal = isCausal
  }

  private var forward: ScaledAttention { ScaledAttention(scale: scale, isCausal: isCausal) }

  public var lowering: Lowering { .backend(.attentionGradient, forward.attributes) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 7)
    let results = try attentionTypes(Array(operands[1..<5]))
    guard operands[0].shape == results[0].shape, operands[5].shape == results[0].shape,
      operands[6].shape == results[1].shape
    else { throw wrongShape("do and o as the result of the attention, and its lse", operands) }
    guard operands[0].dtype == results[0].dtype, operands[5] == results[0], operands[6] == results[1] else {
      throw wrongDType("do and o as the result of the attention, and its lse", operands)
    }
    return Array(operands[1..<4])
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    try context.gradient { operands throws(GraphError) in
      let (dy, q, k, v, y) = (operands[0], operands[1], operands[2], operands[3], operands[5])
      let weights = try weights(q, k, operands[4], operands[6])
      let along = try (dy * y).sum(axes: [-1], keepDims: true)
      let slopes = try weights * (dy.matmul(v.transposed()) - along) * scale
      return [try slopes.matmul(k), try slopes.transposed().matmul(q), try weights.transposed().matmul(dy)]
    }
  }

  /// `e^(p − lse)`, 0 where it is causal and the key comes later, for finite `lse`.
  fileprivate func weights(
    _ q: SymbolicTensor, _ k: SymbolicTensor, _ bias: SymbolicTensor, _ lse: SymbolicTensor
  ) throws(GraphError) -> SymbolicTensor {
    let scores = try q.matmul(k.transposed()) * scale + bias
    let weights = try (scores - lse.reshaped(lse.shape + [1])).exp()
    guard isCausal else { return weights }
    let (s, t) = (scores.shape[scores.rank - 2], scores.shape[scores.rank - 1])
    let zero = try q.trace.constant(0, dtype: weights.dtype)
    // Ones below the diagonal: sums of a column of ones moved on, row by row.
    let rows = try (0..<s).map { row throws(GraphError) in
      try q.trace.constant(1, dtype: weights.dtype).broadcast(to: [1, min(row + 1, t)])
        .padded(low: [0, 0], high: [0, t - min(row + 1, t)])
    }
    let seen = try zero.isLess(SymbolicTensor.concatenate(rows, axis: 0))
    return try seen.broadcast(to: weights.shape).select(weights, zero.broadcast(to: weights.shape))
  }
}

extension Operation {
  /// The results of an attention.
  fileprivate func attentionTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireFloatingPoint(operands)
    let (q, k, v, bias) = (operands[0], operands[1], operands[2], operands[3])
    guard q.rank >= 2, [k, v, bias].allSatisfy({ $0.rank == q.rank }) else {
      throw wrongShape("q […, s, d], k […, t, d], v […, t, e] and a bias […, s, t]", operands)
    }
    let last = q.rank - 1
    let (batch, s, t) = (q.shape.dropLast(2), q.shape[last - 1], k.shape[last - 1])
    guard k.shape == batch + [t, q.shape[last]], v.shape == batch + [t, v.shape[last]], bias.shape == batch + [s, t]
    else { throw wrongShape("q […, s, d], k […, t, d], v […, t, e] and a bias […, s, t]", operands) }
    let wide = q.dtype == .float64 ? DType.float64 : .float32
    guard k.dtype == q.dtype, v.dtype == q.dtype, bias.dtype == wide else {
      throw wrongDType("q, k and v of one dtype and a bias in \(wide)", operands)
    }
    return [TensorType(q.dtype, batch + [s, v.shape[last]]), TensorType(wide, batch + [s])]
  }
}

extension SymbolicTensor {
  /// Attention of these queries; see ``ScaledAttention``.
  ///
  /// - Parameter bias: added to the scores; broadcasts to `[…, s, t]`, by default 0.
  public func attention(
    keys: SymbolicTensor, values: SymbolicTensor, bias: SymbolicTensor? = nil, scale: Double, isCausal: Bool = false
  ) throws(GraphError) -> SymbolicTensor {
    let none = try trace.constant(0, dtype: dtype == .float64 ? .float64 : .float32)
    guard rank >= 2, keys.rank == rank else {
      throw GraphError(
        .shape(
          operation: ScaledAttention.name, expected: "queries […, s, d] and keys […, t, d]", found: [type, keys.type]),
        layer: trace.origin.layer)
    }
    let scores = Array(shape.dropLast()) + [keys.shape[rank - 2]]
    return try apply(
      ScaledAttention(scale: scale, isCausal: isCausal), keys, values, (bias ?? none).broadcast(to: scores))
  }
}
