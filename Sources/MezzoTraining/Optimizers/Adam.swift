public import MezzoGraph

/// Adam (Kingma and Ba, arXiv 1412.6980) with Keras's defaults and arithmetic; with `weightDecay`, AdamW
/// (Loshchilov and Hutter, arXiv 1711.05101).
public struct Adam: Optimizer, Hashable {
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double

  public init(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7,
    weightDecay: Double = 0
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
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

extension Optimizer where Self == Adam {
  public static func adam(learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999) -> Adam {
    Adam(learningRate: learningRate, beta1: beta1, beta2: beta2)
  }

  public static func adamW(learningRate: Double = 0.001, weightDecay: Double = 0.004) -> Adam {
    Adam(learningRate: learningRate, weightDecay: weightDecay)
  }
}
