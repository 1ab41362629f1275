public import MezzoGraph
import MezzoPolicy

/// Adam with the largest gradient in the place of the mean square (Kingma and Ba, arXiv 1412.6980, section 7), as Keras does
/// it: `m ← m + (1 − β₁)·(g − m)`, `u ← max(β₂·u, |g|)`, `w ← w − rate·m ∕ ((1 − β₁ᵗ)·(u + ε))`.
public struct Adamax: MomentOptimizer, Hashable {
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7,
    weightDecay: Double = 0, clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["m", "u"] }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let m = try update.slots[0] + (g - update.slots[0]) * (1 - beta1)
    let u = try (update.slots[1] * beta2).maximum(g.abs())
    let correction = try 1 - update.power(beta1)
    return try update(update.variable - update.rate * m / (correction * (u + epsilon)), [m, u])
  }
}

extension Adamax: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init()
    try read(&configuration)
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    try members.encode(to: encoder)
  }
}
