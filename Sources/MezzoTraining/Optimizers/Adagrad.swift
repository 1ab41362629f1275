public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Gradients over the root of the sum of all their squares (Duchi et al., JMLR 2011), as Keras does it: `a ← a + g²`,
/// `w ← w − rate·g ∕ √(a + ε)`.
public struct Adagrad: Optimizer, Hashable {
  public var learningRate: Double
  public var initialAccumulatorValue: Double
  public var epsilon: Double
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, initialAccumulatorValue: Double = 0.1, epsilon: Double = 1e-7,
    weightDecay: Double = 0, clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.initialAccumulatorValue = initialAccumulatorValue
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["accumulator"] }

  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot {
    OptimizerSlot(variable, initialValue: initialAccumulatorValue)
  }

  public func check() throws(TrainingError) {
    try checkRate()
    try require(
      initialAccumulatorValue >= 0 && initialAccumulatorValue.isFinite, "the initial accumulator", "at least 0",
      initialAccumulatorValue)
    try checkDecay(epsilon, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let sum = try update.slots[0] + g * g
    return try update(update.variable - update.rate * g / (sum + epsilon).sqrt(), [sum])
  }
}

extension Adagrad: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      initialAccumulatorValue: try configuration.number("initial_accumulator_value", default: 0.1),
      epsilon: try configuration.number("epsilon", default: 1e-7),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "initial_accumulator_value": .number(initialAccumulatorValue),
      "epsilon": .number(epsilon), "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
