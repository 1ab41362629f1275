public import MezzoGraph
import MezzoPolicy

/// Steps of one size in the direction of a sign (Chen et al., arXiv 2302.06675), as Keras does it:
/// `w ← w − rate·sign(β₁·m + (1 − β₁)·g)`, `m ← β₂·m + (1 − β₂)·g`.
public struct Lion: Optimizer, Hashable {
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.99, weightDecay: Double = 0,
    clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["m"] }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0..<1).contains(beta1), "beta1", "at least 0 and below 1", beta1)
    try require((0..<1).contains(beta2), "beta2", "at least 0 and below 1", beta2)
    try checkDecay(0, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let direction = try update.slots[0] * beta1 + g * (1 - beta1)
    let zero = try g.trace.constant(0, dtype: g.dtype)
    let one = try g.trace.constant(1, dtype: g.dtype)
    let sign = try zero.isLess(direction).select(one, direction.isLess(zero).select(one.negated(), zero))
    return try update(update.variable - update.rate * sign, [update.slots[0] * beta2 + g * (1 - beta2)])
  }
}

extension Lion: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      beta1: try configuration.number("beta_1", default: 0.9),
      beta2: try configuration.number("beta_2", default: 0.99),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "beta_1": .number(beta1), "beta_2": .number(beta2),
      "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
