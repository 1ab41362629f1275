public import MezzoGraph
import MezzoPolicy

/// Gradient descent with momentum, with Keras's defaults and arithmetic. Without momentum it keeps nothing beside the
/// variables.
public struct SGD: Optimizer, Hashable {
  public var learningRate: Double
  public var momentum: Double
  public var nesterov: Bool
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false, clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.clipping = clipping
  }

  public var slots: [String] { momentum == 0 ? [] : ["momentum"] }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0...1).contains(momentum), "the momentum", "from 0 to 1", momentum)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    // Without momentum the velocity is always 0, which need not be stored to be read.
    let velocity = try slots.first ?? variable.trace.constant(0, dtype: variable.dtype).broadcast(to: variable.shape)
    let results = try variable.trace.apply(
      SGDUpdate(momentum: momentum, nesterov: nesterov),
      [variable, velocity, gradient, schedule.rate, schedule.apply])
    return (results[0], slots.isEmpty ? [] : [results[1]])
  }
}

/// Configurations as Keras writes them: `{"learning_rate": 0.01, "momentum": 0.0, "nesterov": false}`.
extension SGD: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try OptimizerConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.01),
      momentum: try configuration.number("momentum", default: 0),
      nesterov: try configuration.flag("nesterov", default: false), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "momentum": .number(momentum), "nesterov": .bool(nesterov),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}

extension Optimizer where Self == SGD {
  public static func sgd(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) -> SGD {
    SGD(learningRate: learningRate, momentum: momentum, nesterov: nesterov)
  }
}
