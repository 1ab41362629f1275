public import MezzoGraph

/// Gradient descent with momentum, with Keras's defaults and arithmetic.
public struct SGD: Optimizer, Hashable {
  public var learningRate: Double
  public var momentum: Double
  public var nesterov: Bool

  public init(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
  }

  public var slots: [String] { ["momentum"] }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0...1).contains(momentum), "the momentum", "from 0 to 1", momentum)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let results = try variable.trace.apply(
      SGDUpdate(momentum: momentum, nesterov: nesterov),
      [variable, slots[0], gradient, schedule.rate, schedule.apply])
    return (results[0], [results[1]])
  }
}

extension Optimizer where Self == SGD {
  public static func sgd(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) -> SGD {
    SGD(learningRate: learningRate, momentum: momentum, nesterov: nesterov)
  }
}
