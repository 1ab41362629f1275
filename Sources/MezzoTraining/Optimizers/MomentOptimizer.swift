import MezzoPolicy

/// Adam and its kin: a running mean of the gradients, and one of their size, each of which forgets at a rate of its own.
protocol MomentOptimizer: Optimizer {
  var beta1: Double { get set }
  var beta2: Double { get set }
  var epsilon: Double { get set }
  var weightDecay: Double { get set }
  var clipping: GradientClipping? { get set }
}

extension MomentOptimizer {
  public func check() throws(TrainingError) { try checkMoments() }

  func checkMoments() throws(TrainingError) {
    try checkRate()
    try require((0..<1).contains(beta1), "beta1", "at least 0 and below 1", beta1)
    try require((0..<1).contains(beta2), "beta2", "at least 0 and below 1", beta2)
    try checkDecay(epsilon, weightDecay)
  }

  /// Takes the settings from a configuration of Keras's; what it does not say stays as it is.
  mutating func read(_ configuration: inout ClassConfiguration) throws(TrainingError) {
    learningRate = try configuration.number("learning_rate", default: learningRate)
    beta1 = try configuration.number("beta_1", default: beta1)
    beta2 = try configuration.number("beta_2", default: beta2)
    epsilon = try configuration.number("epsilon", default: epsilon)
    weightDecay = try configuration.number("weight_decay", default: weightDecay)
    clipping = try configuration.clipping()
  }

  /// The same as Keras writes it.
  var members: [String: ConfigurationValue] {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "beta_1": .number(beta1), "beta_2": .number(beta2),
      "epsilon": .number(epsilon), "weight_decay": .number(weightDecay),
    ]
    return members.adding(clipping)
  }
}
