public import MezzoBackend
import MezzoPolicy

/// One step of Adam (Kingma and Ba, arXiv 1412.6980), as Keras does it: `w m v g rate step apply -> w′ m′ v′`.
///
/// `weightDecay` is AdamW's (Loshchilov and Hutter, arXiv 1711.05101). `rate` is a float64 scalar, `step` an int64
/// scalar that counts from 1; where the bool scalar `apply` is false, nothing changes.
public struct AdamUpdate: Operation {
  public static let name = "adam_update"
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }

  public var lowering: Lowering {
    .backend(
      .adamUpdate,
      [
        Attribute("beta1", .float(beta1)), Attribute("beta2", .float(beta2)), Attribute("epsilon", .float(epsilon)),
        Attribute("weight_decay", .float(weightDecay)),
      ])
  }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 7)
    try requireFloatingPoint(Array(operands[..<4]))
    try requireEqualTypes(Array(operands[..<4]))
    guard operands[4] == TensorType(.float64, []), operands[5] == TensorType(.int64, []),
      operands[6] == TensorType(.bool, [])
    else { throw wrongShape("a rate float64[], a step int64[] and a bool[]", operands) }
    return Array(operands[..<3])
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (w, g, rate, apply) = (context.operands[0], context.operands[3], context.operands[4], context.operands[6])
    let (m, v) = (context.results[1], context.results[2])
    let byW = try context.gradientOrZero(0)
    let narrowRate = try rate.cast(to: w.dtype)
    let correction = try self.correction(context.operands[5]).cast(to: w.dtype)
    let root = try v.sqrt()
    let denominator = try root + epsilon
    let direction = try correction * m / denominator
    let byM = try context.gradientOrZero(1) - byW * narrowRate * correction / denominator
    // Where v' is 0, so is m', and its share of the gradient: 0 must not be divided by 0.
    let safeRoot = try root.maximum(w.trace.constant(1e-30, dtype: w.dtype))
    let byV = try context.gradientOrZero(2) + byW * narrowRate * direction / (denominator * safeRoot * 2)
    let zero = try w.trace.constant(0, dtype: w.dtype)
    let byRate = try (byW * (w * weightDecay + direction)).sum().negated()
    return [
      try apply.select(byW - byW * narrowRate * weightDecay, byW),
      try apply.select(byM * beta1, context.gradientOrZero(1)),
      try apply.select(byV * beta2, context.gradientOrZero(2)),
      try apply.select(byM * (1 - beta1) + byV * g * (2 * (1 - beta2)), zero),
      try apply.select(byRate, zero).cast(to: rate.dtype), nil, nil,
    ]
  }

  /// `√(1 − β₂ᵗ) ∕ (1 − β₁ᵗ)`
  private func correction(_ step: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let t = try step.cast(to: .float64)
    let log1 = try t.trace.constant(beta1, dtype: .float64).log()
    let log2 = try t.trace.constant(beta2, dtype: .float64).log()
    return try (1 - (t * log2).exp()).sqrt() / (1 - (t * log1).exp())
  }
}
