public import MezzoGraph
import MezzoPolicy

/// Steps as large as the last ones were (Zeiler, arXiv 1212.5701), as Keras does it: `a ← ρ·a + (1 − ρ)·g²`,
/// `d = −g·√(b + ε) ∕ √(a + ε)`, `b ← ρ·b + (1 − ρ)·d²`, `w ← w + rate·d`.
public struct Adadelta: Optimizer, Hashable {
  public var learningRate: Double
  public var rho: Double
  public var epsilon: Double
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, rho: Double = 0.95, epsilon: Double = 1e-7, weightDecay: Double = 0,
    clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.rho = rho
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["accumulated_gradient", "accumulated_delta"] }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0..<1).contains(rho), "rho", "at least 0 and below 1", rho)
    try checkDecay(epsilon, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let squares = try update.slots[0] * rho + g * g * (1 - rho)
    let delta = try (g * (update.slots[1] + epsilon).sqrt() / (squares + epsilon).sqrt()).negated()
    let deltas = try update.slots[1] * rho + delta * delta * (1 - rho)
    return try update(update.variable + update.rate * delta, [squares, deltas])
  }
}

extension Adadelta: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      rho: try configuration.number("rho", default: 0.95), epsilon: try configuration.number("epsilon", default: 1e-7),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "rho": .number(rho), "epsilon": .number(epsilon),
      "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
