public import MezzoBackend
import MezzoPolicy

/// One step of gradient descent with momentum, as Keras does it: `w v g rate apply -> w′ v′`.
///
/// `v′ = momentum·v − rate·g`, then `w′ = w + v′`, or `w + momentum·v′ − rate·g` with Nesterov's. `rate` is a float64
/// scalar; where the bool scalar `apply` is false, nothing changes.
public struct SGDUpdate: Operation {
  public static let name = "sgd_update"
  public var momentum: Double
  public var nesterov: Bool

  public init(momentum: Double, nesterov: Bool) {
    self.momentum = momentum
    self.nesterov = nesterov
  }

  public var lowering: Lowering {
    .backend(.sgdUpdate, [Attribute("momentum", .float(momentum)), Attribute("nesterov", .int(nesterov ? 1 : 0))])
  }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 5)
    try requireFloatingPoint(Array(operands[..<3]))
    try requireEqualTypes(Array(operands[..<3]))
    guard operands[3] == TensorType(.float64, []), operands[4] == TensorType(.bool, []) else {
      throw wrongShape("a rate float64[] and a bool[]", operands)
    }
    return Array(operands[..<2])
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (g, rate, apply) = (context.operands[2], context.operands[3], context.operands[4])
    let byW = try context.gradientOrZero(0)
    let byV = try context.gradientOrZero(1)
    let narrowRate = try rate.cast(to: g.dtype)
    // Through v', and beside it where Nesterov's step takes the gradient a second time.
    let velocity = try byV + byW * (nesterov ? momentum : 1)
    let direct = try nesterov ? velocity + byW : velocity
    let zero = try g.trace.constant(0, dtype: g.dtype)
    return [
      byW, try apply.select(velocity * momentum, byV), try apply.select((direct * narrowRate).negated(), zero),
      try apply.select((g * direct).sum().negated(), zero).cast(to: rate.dtype), nil,
    ]
  }
}
