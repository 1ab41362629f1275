public import MezzoGraph
import MezzoPolicy

/// Adam (Kingma and Ba, arXiv 1412.6980) with Keras's defaults and arithmetic; with `weightDecay`, AdamW
/// (Loshchilov and Hutter, arXiv 1711.05101).
public struct Adam: Optimizer, Hashable {
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

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0..<1).contains(beta1), "beta1", "at least 0 and below 1", beta1)
    try require((0..<1).contains(beta2), "beta2", "at least 0 and below 1", beta2)
    try require(epsilon >= 0 && epsilon.isFinite, "epsilon", "at least 0", epsilon)
    try require(weightDecay >= 0 && weightDecay.isFinite, "the weight decay", "at least 0", weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let results = try variable.trace.apply(
      AdamUpdate(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay),
      [variable, slots[0], slots[1], gradient, schedule.rate, schedule.step, schedule.apply])
    return (results[0], Array(results[1...]))
  }
}

/// Configurations as Keras writes them: `{"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07}`.
extension Adam: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.001),
      beta1: try configuration.number("beta_1", default: 0.9),
      beta2: try configuration.number("beta_2", default: 0.999),
      epsilon: try configuration.number("epsilon", default: 1e-7),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "beta_1": .number(beta1), "beta_2": .number(beta2),
      "epsilon": .number(epsilon), "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}

extension Optimizer where Self == Adam {
  public static func adam(learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999) -> Adam {
    Adam(learningRate: learningRate, beta1: beta1, beta2: beta2)
  }

  public static func adamW(learningRate: Double = 0.001, weightDecay: Double = 0.004) -> Adam {
    Adam(learningRate: learningRate, weightDecay: weightDecay)
  }
}
