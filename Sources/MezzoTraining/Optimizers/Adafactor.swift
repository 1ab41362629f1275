public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Adam's second moment from sums over rows and columns, so that a matrix costs as much memory as its edges (Shazeer and
/// Stern, arXiv 1804.04235), as Keras does it.
public struct Adafactor: Optimizer, Hashable {
  public var learningRate: Double
  public var beta2Decay: Double
  public var epsilon1: Double
  public var epsilon2: Double
  public var clipThreshold: Double
  /// Whether the rate is at most `1 ∕ √t`.
  public var relativeStep: Bool
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.001, beta2Decay: Double = -0.8, epsilon1: Double = 1e-30, epsilon2: Double = 1e-3,
    clipThreshold: Double = 1, relativeStep: Bool = true, weightDecay: Double = 0, clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.beta2Decay = beta2Decay
    self.epsilon1 = epsilon1
    self.epsilon2 = epsilon2
    self.clipThreshold = clipThreshold
    self.relativeStep = relativeStep
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { ["r", "c", "v"] }

  /// `r` and `c` are for rows and columns, `v` is for what has none; each is a scalar where it is not used.
  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot {
    let rank = variable.rank
    let shape: [Int] =
      switch (name, rank >= 2) {
      case ("r", true): Array(variable.shape.dropLast())
      case ("c", true): variable.shape.dropLast(2) + variable.shape.suffix(1)
      case ("v", false): variable.shape
      default: []
      }
    return OptimizerSlot(TensorType(variable.dtype == .float64 ? .float64 : .float32, shape))
  }

  public func check() throws(TrainingError) {
    try checkRate()
    try require(beta2Decay < 0 && beta2Decay.isFinite, "the decay of beta2", "below 0", beta2Decay)
    try require(epsilon1 >= 0 && epsilon1.isFinite, "epsilon 1", "at least 0", epsilon1)
    try require(clipThreshold > 0 && clipThreshold.isFinite, "the threshold of clipping", "above 0", clipThreshold)
    try checkDecay(epsilon2, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let (w, g) = (update.variable, update.gradient)
    let one = try update.step.trace.constant(1, dtype: .float64)
    let rate = relativeStep ? try update.rate.minimum(update.wide(one / update.step.sqrt())) : update.rate
    let alpha = try rate * Self.rms(w).maximum(w.trace.constant(epsilon2, dtype: w.dtype))
    // 1 − tᵈ
    let fresh = try update.wide((update.step.log() * beta2Decay).exp())
    let square = try g * g + epsilon1
    func mixed(_ old: SymbolicTensor, _ new: SymbolicTensor) throws -> SymbolicTensor {
      try old * (1 - fresh) + new * fresh
    }
    var new = update.slots
    let spread: SymbolicTensor
    if variable.rank >= 2 {
      let (row, column) = (try mixed(new[0], square.mean(axes: [-1])), try mixed(new[1], square.mean(axes: [-2])))
      (new[0], new[1]) = (row, column)
      let share = try row / row.mean(axes: [-1], keepDims: true)
      spread =
        try share.reshaped(share.shape + [1])
        * column.reshaped(column.shape.dropLast() + [1] + column.shape.suffix(1))
    } else {
      new[2] = try mixed(new[2], square)
      spread = new[2]
    }
    let step = try g / spread.sqrt()
    let bound = try (Self.rms(step) / clipThreshold).maximum(w.trace.constant(1, dtype: w.dtype))
    return try update(w - alpha * step / bound, new)
  }

  private static func rms(_ tensor: SymbolicTensor) throws -> SymbolicTensor { try (tensor * tensor).mean().sqrt() }
}

extension Adafactor: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      beta2Decay: try configuration.number("beta_2_decay", default: -0.8),
      epsilon1: try configuration.number("epsilon_1", default: 1e-30),
      epsilon2: try configuration.number("epsilon_2", default: 1e-3),
      clipThreshold: try configuration.number("clip_threshold", default: 1),
      relativeStep: try configuration.flag("relative_step", default: true),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "beta_2_decay": .number(beta2Decay), "epsilon_1": .number(epsilon1),
      "epsilon_2": .number(epsilon2), "clip_threshold": .number(clipThreshold), "relative_step": .bool(relativeStep),
      "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}
