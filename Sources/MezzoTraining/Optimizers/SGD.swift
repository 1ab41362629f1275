public import MezzoGraph
import MezzoPolicy

/// Gradient descent with momentum, with Keras's defaults and arithmetic. Without momentum it keeps nothing beside the
/// variables.
public struct SGD: Optimizer, Hashable {
  public var learningRate: Double
  public var momentum: Double
  public var nesterov: Bool
  public var weightDecay: Double
  public var clipping: GradientClipping?

  public init(
    learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0,
    clipping: GradientClipping? = nil
  ) {
    self.learningRate = learningRate
    self.momentum = momentum
    self.nesterov = nesterov
    self.weightDecay = weightDecay
    self.clipping = clipping
  }

  public var slots: [String] { momentum == 0 ? [] : ["momentum"] }

  public func check() throws(TrainingError) {
    try checkRate()
    try require((0...1).contains(momentum), "the momentum", "from 0 to 1", momentum)
    try checkDecay(0, weightDecay)
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    // Without momentum the velocity is always 0, which need not be stored to be read.
    let velocity = try slots.first ?? variable.trace.constant(0, dtype: variable.dtype).broadcast(to: variable.shape)
    let results = try variable.trace.apply(
      SGDUpdate(momentum: momentum, nesterov: nesterov),
      [try decayed(variable, schedule), velocity, gradient, schedule.rate, schedule.apply])
    return (results[0], slots.isEmpty ? [] : [results[1]])
  }

  /// The variable without the part of itself that it loses.
  private func decayed(_ variable: SymbolicTensor, _ schedule: UpdateSchedule) throws -> SymbolicTensor {
    if weightDecay == 0 { return variable }
    let wide = try variable.atLeastFloat32()
    let rate = try schedule.rate.cast(to: wide.dtype)
    return try schedule.apply.select((wide * (1 - rate * weightDecay)).cast(to: variable.dtype), variable)
  }
}

/// Configurations as Keras writes them: `{"learning_rate": 0.01, "momentum": 0.0, "nesterov": false}`.
extension SGD: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init(
      learningRate: try configuration.number("learning_rate", default: 0.01),
      momentum: try configuration.number("momentum", default: 0),
      nesterov: try configuration.flag("nesterov", default: false),
      weightDecay: try configuration.number("weight_decay", default: 0), clipping: try configuration.clipping())
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    let members: [String: ConfigurationValue] = [
      "learning_rate": .number(learningRate), "momentum": .number(momentum), "nesterov": .bool(nesterov),
      "weight_decay": .number(weightDecay),
    ]
    try members.adding(clipping).encode(to: encoder)
  }
}

extension Optimizer where Self == SGD {
  public static func sgd(learningRate: Double = 0.01, momentum: Double = 0, nesterov: Bool = false) -> SGD {
    SGD(learningRate: learningRate, momentum: momentum, nesterov: nesterov)
  }
}
