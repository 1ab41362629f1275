public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Adam without a schedule (Defazio et al., arXiv 2405.15682), as Keras does it: steps move a sequence `z` of its own, and
/// the variable is between `z` and the mean of all that `z` was.
///
/// `z ← z − rate·g ∕ (√v̂ + ε)`, `x ← x + (z − x) ∕ step`, `w ← (1 − β₁)·z + β₁·x`. Of `x` nothing is kept: the variable and
/// `z` say what it was.
public struct ScheduleFreeAdamW: MomentOptimizer, Hashable {
  public var learningRate: Double
  /// How much of the mean there is in the variable.
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  /// In so many steps the rate grows from 0 to what it is.
  public var warmupSteps: Int
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.0025, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    warmupSteps: Int = 0, weightDecay: Double = 0, clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.warmupSteps = warmupSteps
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["momentum", "velocity"] }

  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot {
    OptimizerSlot(variable, copiesVariable: name == "momentum")
  }

  public func check() throws(TrainingError) {
    try checkMoments()
    try require(beta1 > 0, "beta1", "above 0, since the mean is found from it", beta1)
    try require(warmupSteps >= 0, "the steps of warming up", "at least 0", Double(warmupSteps))
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let (w, g, z) = (update.variable, update.gradient, update.slots[0])
    let v = try update.slots[1] + (g * g - update.slots[1]) * (1 - beta2)
    let one = try update.step.trace.constant(1, dtype: .float64)
    var rate = update.rate
    if warmupSteps > 0 {
      rate = try rate * update.wide((update.step / Double(warmupSteps)).minimum(one))
    }
    let moved = try z - rate * g / ((v / (1 - update.power(beta2))).sqrt() + epsilon)
    let mean = try (w - z * (1 - beta1)) / beta1
    let new = try mean + (moved - mean) * update.wide(one / update.step)
    return try update(moved * (1 - beta1) + new * beta1, [moved, v])
  }
}

extension ScheduleFreeAdamW: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init()
    try read(&configuration)
    warmupSteps = try configuration.integer("warmup_steps", default: 0)
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    try members.merging(["warmup_steps": .integer(warmupSteps)]) { _, new in new }.encode(to: encoder)
  }
}
