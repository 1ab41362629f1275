public import MezzoGraph
import MezzoPolicy

/// Adam (Kingma and Ba, arXiv 1412.6980) with Keras's defaults and arithmetic; with `weightDecay`, AdamW
/// (Loshchilov and Hutter, arXiv 1711.05101); with `amsgrad`, AMSGrad (Reddi et al., ICLR 2018), whose steps never grow
/// when gradients become smaller.
public struct Adam: MomentOptimizer, Hashable {
  public var learningRate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double
  public var clipping: GradientClipping?
  /// Whether the largest mean square so far is what gradients are divided by.
  public var amsgrad: Bool

  public init(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-7,
    weightDecay: Double = 0, clipping: GradientClipping? = nil, amsgrad: Bool = false
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.clipping = clipping
    self.amsgrad = amsgrad
  }

  public var slots: [String] { ["m", "v"] + (amsgrad ? ["v_hat"] : []) }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    if amsgrad { return try largestSquare(variable, slots, gradient, schedule) }
    let results = try variable.trace.apply(
      AdamUpdate(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay),
      [variable, slots[0], slots[1], gradient, schedule.rate, schedule.step, schedule.apply])
    return (results[0], Array(results[1...]))
  }

  private func largestSquare(
    _ variable: SymbolicTensor, _ slots: [SymbolicTensor], _ gradient: SymbolicTensor, _ schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    let update = try ComposedUpdate(
      variable, slots: slots, gradient: gradient, schedule: schedule, weightDecay: weightDecay)
    let g = update.gradient
    let m = try update.slots[0] + (g - update.slots[0]) * (1 - beta1)
    let v = try update.slots[1] + (g * g - update.slots[1]) * (1 - beta2)
    let largest = try update.slots[2].maximum(v)
    let rate = try update.rate * (1 - update.power(beta2)).sqrt() / (1 - update.power(beta1))
    return try update(update.variable - rate * m / (largest.sqrt() + epsilon), [m, v, largest])
  }
}

/// Configurations as Keras writes them: `{"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-07}`.
extension Adam: Codable {
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(Self.className, from: decoder)
    self.init()
    try read(&configuration)
    amsgrad = try configuration.flag("amsgrad", default: false)
    try configuration.finish()
  }

  public func encode(to encoder: any Encoder) throws {
    try members.merging(["amsgrad": .bool(amsgrad)]) { _, new in new }.encode(to: encoder)
  }
}

extension Optimizer where Self == Adam {
  public static func adam(learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999) -> Adam {
    Adam(learningRate: learningRate, beta1: beta1, beta2: beta2)
  }

  public static func adamW(
    learningRate: Double = 0.001, beta1: Double = 0.9, beta2: Double = 0.999, weightDecay: Double = 0.004
  ) -> Adam {
    Adam(learningRate: learningRate, beta1: beta1, beta2: beta2, weightDecay: weightDecay)
  }
}
