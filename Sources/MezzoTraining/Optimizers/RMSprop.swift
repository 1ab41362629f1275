public import MezzoGraph
import MezzoPolicy

/// Gradients over a running root of their mean square (Tieleman and Hinton, 2012), as Keras does it:
/// `v ← ρ·v + (1 − ρ)·g²`, `w ← w − rate·g ∕ √(v + ε)`; `centered` takes the square of the running mean from `v`.
public struct RMSprop: Optimizer, Hashable {
  public var learningRate: Double
  public var rho: Double
  public var momentum: Double
  public var epsilon: Double
  public var centered: Bool
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, rho: Double = 0.9, momentum: Double = 0, epsilon: Double = 1e-7,
    centered: Bool = false, weightDecay: Double = 0, clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.rho = rho
    self.momentum = momentum
    self.epsilon = epsilon
    self.centered = centered
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] {
    ["velocity"] + (centered ? ["average_gradient"] : []) + (momentum > 0 ? ["momentum"] : [])
  }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0..<1).contains(rho), "rho", "at least 0 and below 1", rho)
    try require((0...1).contains(momentum), "the momentum", "from 0 to 1", momentum)
    try checkDecay(epsilon, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let velocity = try update.slots[0] * rho + g * g * (1 - rho)
    var spread = velocity
    var new = [velocity]
    if centered {
      let average = try update.slots[1] * rho + g * (1 - rho)
      // Rounding may leave less than nothing.
      spread = try (velocity - average * average).relu()
      new.append(average)
    }
    var increment = try update.rate * g / (spread + epsilon).sqrt()
    if momentum > 0 {
      increment = try update.slots[new.count] * momentum + increment
      new.append(increment)
    }
    return try update(update.variable - increment, new)
  }
}

extension RMSprop: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      rho: try configuration.number("rho", default: 0.9), momentum: try configuration.number("momentum", default: 0),
      epsilon: try configuration.number("epsilon", default: 1e-7),
      centered: try configuration.flag("centered", default: false),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "rho": .number(rho), "momentum": .number(momentum),
      "epsilon": .number(epsilon), "centered": .bool(centered), "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
