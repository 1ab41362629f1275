public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Adam with the momentum of Nesterov (Dozat, ICLR 2016 workshop), as Keras does it: with `µₜ = β₁·(1 − 0.96ᵗ ∕ 2)` and `Mₜ`
/// the product of all so far, `m̂ = µₜ₊₁·m ∕ (1 − Mₜ₊₁) + (1 − µₜ)·g ∕ (1 − Mₜ)`, `v̂ = v ∕ (1 − β₂ᵗ)`,
/// `w ← w − rate·m̂ ∕ (√v̂ + ε)`.
public struct Nadam: MomentOptimizer, Hashable {
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

  public var slots: [String] { ["m", "v", "u_product"] }

  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot {
    name == "u_product" ? OptimizerSlot(TensorType(.float64, []), initialValue: 1) : OptimizerSlot(variable)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    // µₜ and µₜ₊₁; products of many numbers below 1 are kept in float64.
    let halves = try [0.0, 1].map { offset in
      try ((update.step + offset) * update.step.trace.constant(0.96, dtype: .float64).log()).exp() * 0.5
    }
    let (mu, next) = (try (1 - halves[0]) * beta1, try (1 - halves[1]) * beta1)
    let product = try update.slots[2] * mu
    let m = try update.slots[0] + (g - update.slots[0]) * (1 - beta1)
    let v = try update.slots[1] + (g * g - update.slots[1]) * (1 - beta2)
    let ofMomentum = try update.wide(next / (1 - product * next))
    let ofGradient = try update.wide((1 - mu) / (1 - product))
    let root = try (v / (1 - update.power(beta2))).sqrt()
    return try update(
      update.variable - update.rate * (ofMomentum * m + ofGradient * g) / (root + epsilon), [m, v, product])
  }
}

extension Nadam: Codable {
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
