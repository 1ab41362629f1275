public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// “Follow the regularized leader” (McMahan et al., KDD 2013), as Keras does it. With `l1` it sets small weights to 0.
public struct Ftrl: Optimizer, Hashable {
  public var learningRate: Double
  /// At most 0; −0.5 makes the step fall as that of `Adagrad` does.
  public var learningRatePower: Double
  public var initialAccumulatorValue: Double
  public var l1: Double
  public var l2: Double
  /// A penalty that, unlike `l2`, only the gradient sees.
  public var l2Shrinkage: Double
  public var beta: Double
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, learningRatePower: Double = -0.5, initialAccumulatorValue: Double = 0.1,
    l1: Double = 0, l2: Double = 0, l2Shrinkage: Double = 0, beta: Double = 0, weightDecay: Double = 0,
    clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.learningRatePower = learningRatePower
    self.initialAccumulatorValue = initialAccumulatorValue
    self.l1 = l1
    self.l2 = l2
    self.l2Shrinkage = l2Shrinkage
    self.beta = beta
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["accumulator", "linear"] }

  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot {
    OptimizerSlot(variable, initialValue: name == "accumulator" ? initialAccumulatorValue : 0)
  }

  public func check() throws(TrainingError) {
    try checkRate()
    // The sums are divided by the rate.
    try require(learningRate > 0, "the learning rate", "above 0", learningRate)
    try require(
      learningRatePower <= 0 && learningRatePower.isFinite, "the power of the learning rate", "at most 0",
      learningRatePower)
    try require(
      initialAccumulatorValue > 0 && initialAccumulatorValue.isFinite, "the initial accumulator", "above 0",
      initialAccumulatorValue)
    for (name, value) in [("l1", l1), ("l2", l2), ("the l2 shrinkage", l2Shrinkage), ("beta", beta)] {
      try require(value >= 0 && value.isFinite, name, "at least 0", value)
    }
    try checkDecay(0, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let (w, g, rate) = (update.variable, update.gradient, update.rate)
    let (old, new) = (update.slots[0], try update.slots[0] + g * g)
    let power = try self.power(new)
    let shrinking = l2Shrinkage == 0 ? g : try g + w * (2 * l2Shrinkage)
    let linear = try update.slots[1] + shrinking - (power - self.power(old)) / rate * w
    let quadratic = try (power + beta) / rate + 2 * l2
    return try update((linear.clipped(-l1, l1) - linear) / quadratic, [new, linear])
  }

  private func power(_ accumulator: SymbolicTensor) throws -> SymbolicTensor {
    learningRatePower == -0.5
      ? try accumulator.sqrt() : try (accumulator.log() * -learningRatePower).exp()
  }
}

extension Ftrl: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      learningRatePower: try configuration.number("learning_rate_power", default: -0.5),
      initialAccumulatorValue: try configuration.number("initial_accumulator_value", default: 0.1),
      l1: try configuration.number("l1_regularization_strength", default: 0),
      l2: try configuration.number("l2_regularization_strength", default: 0),
      l2Shrinkage: try configuration.number("l2_shrinkage_regularization_strength", default: 0),
      beta: try configuration.number("beta", default: 0),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "learning_rate_power": .number(learningRatePower),
      "initial_accumulator_value": .number(initialAccumulatorValue), "l1_regularization_strength": .number(l1),
      "l2_regularization_strength": .number(l2), "l2_shrinkage_regularization_strength": .number(l2Shrinkage),
      "beta": .number(beta), "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
