/// What a setting or a configuration of loss scaling refuses.
public enum LossScaleError: Error, Equatable, Sendable, CustomStringConvertible {
  /// PyTorch's rule: the scale has to grow.
  case growthFactor(Float)
  /// PyTorch's rule: the scale has to back off.
  case backoffFactor(Float)
  /// A fixed scale has to be given.
  case noInitialScale
  /// A fixed scale does not grow.
  case growthOfAFixedScale(steps: String)
  /// Keras 3 has no fixed scale.
  case noFixedScaleInKeras3
  /// Something is of a kind that it cannot be read from.
  case kind(argument: String, expected: String, found: String)
  /// A text or a number from which no value can be made.
  case value(argument: String, expected: String, found: String)
  /// A configuration lacks what it needs.
  case missing(argument: String)
  /// A configuration has what is not known.
  case unknown(argument: String)
  /// `DynamicLossScale` of TensorFlow ≤ 2.3 had a multiplier, which now is always 2.
  case multiplier(Double, initialScale: Double)
  /// `loss_scale` of TensorFlow ≤ 2.3 is of a class that cannot be read.
  case unknownLossScale(className: String)

  public var description: String {
    switch self {
    case .growthFactor(let found): "the growth factor must be above 1, or the scale would never grow; got \(found)"
    case .backoffFactor(let found):
      "the backoff factor must be below 1, or the scale would never back off; got \(found)"
    case .noInitialScale: "initial_scale must be given where dynamic is false: a fixed scale has no default"
    case .growthOfAFixedScale(let steps):
      "dynamic_growth_steps must be left out where dynamic is false: a fixed scale does not grow; got \(steps)"
    case .noFixedScaleInKeras3:
      """
      Keras 3's LossScaleOptimizer knows no dynamic=False. Its optimizers have loss_scale_factor instead; in Mezzo use \
      LossScale.fixed(_:)
      """
    case .kind(let argument, let expected, let found): "\(argument) must be \(expected), got \(found)"
    case .value(let argument, let expected, let found): "\(argument) must be \(expected), got \(found)"
    case .missing(let argument): "the configuration has no \(argument)"
    case .unknown(let argument): "the configuration has \(argument), which no LossScaleOptimizer knows"
    case .multiplier(let found, let initialScale):
      """
      a DynamicLossScale whose multiplier is not 2 cannot be read: LossScaleOptimizer always doubles and halves. Got \
      DynamicLossScale with initial_loss_scale \(initialScale) and multiplier \(found). Make a LossScale with these \
      factors instead
      """
    case .unknownLossScale(let className):
      "loss_scale must be a FixedLossScale or a DynamicLossScale, got \(className)"
    }
  }
}
