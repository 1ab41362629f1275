public import MezzoGraph
import MezzoPolicy

/// Adam with a rate for each variable, by how long it is and how long its step (You et al., ICLR 2020), as Keras does it:
/// `r = m̂ ∕ (√v̂ + ε)`, `w ← w − rate·(‖w‖ ∕ ‖r‖)·r`; where one of the two is 0, their ratio is 1.
public struct Lamb: MomentOptimizer, Hashable {
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

  public var slots: [String] { ["m", "v"] }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let m = try update.slots[0] + (g - update.slots[0]) * (1 - beta1)
    let v = try update.slots[1] + (g * g - update.slots[1]) * (1 - beta2)
    let mean = try m / (1 - update.power(beta1))
    let step = try mean / ((v / (1 - update.power(beta2))).sqrt() + epsilon)
    let (length, stepLength) = (try Self.length(update.variable), try Self.length(step))
    let zero = try g.trace.constant(0, dtype: g.dtype)
    let one = try g.trace.constant(1, dtype: g.dtype)
    let hasBoth = try zero.isLess(length).and(zero.isLess(stepLength))
    let ratio = try hasBoth.select(length / hasBoth.select(stepLength, one), one)
    return try update(update.variable - update.rate * ratio * step, [m, v])
  }

  private static func length(_ tensor: SymbolicTensor) throws -> SymbolicTensor { try (tensor * tensor).sum().sqrt() }
}

extension Lamb: Codable {
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
