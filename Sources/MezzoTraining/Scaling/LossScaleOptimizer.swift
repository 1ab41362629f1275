public import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// An optimizer for float16: the loss is multiplied by a scale before its gradients are taken, the gradients are divided
/// by it before another optimizer gets them, and a step whose gradients are not all finite is skipped and lowers the scale.
///
/// `fit` wraps optimizers by itself where gradients are computed in float16. In a loop of one's own:
///
/// ```swift
/// var optimizer = try LossScaleOptimizer(SGD(learningRate: 0.1))
/// var variables = [weights]
/// let (loss, scaled) = try optimizer.gradients(of: variables, inputs: [x, y]) { variables, inputs in
///   let difference = try inputs[0].matmul(variables[0]) - inputs[1]
///   return try (difference * difference).mean()
/// }
/// try optimizer.apply(scaled.unscaled(), to: &variables)   // with scaled itself it does not compile
/// ```
///
/// Two values wrapped around the same optimizer have nothing to do with each other. Its configuration is that of Keras:
/// `{"inner_optimizer": …, "dynamic": true, "initial_scale": 32768.0, "dynamic_growth_steps": 2000}`.
public struct LossScaleOptimizer: Optimizer {
  /// The optimizer that gets the unscaled gradients.
  public private(set) var innerOptimizer: any Optimizer

  /// The scale, the rule by which it moves, and how far it has come.
  public internal(set) var lossScale: LossScale

  /// Steps so far, with those that were skipped if the scale's rule counts them.
  public internal(set) var iterations = 0

  /// Slots of the variables of ``apply(_:to:on:)``, all of one variable before those of the next.
  var slotTensors: [Tensor] = []

  /// - Parameter lossScale: by default dynamic, as in TensorFlow 2.4.
  /// - Throws: `TrainingError.nestedLossScaling` around another one.
  public init(_ inner: any Optimizer, lossScale: LossScale = .dynamic()) throws(TrainingError) {
    guard !(inner is LossScaleOptimizer) else { throw .nestedLossScaling }
    innerOptimizer = inner
    self.lossScale = lossScale
  }

  /// With the arguments of Keras's class.
  ///
  /// - Parameters:
  ///   - dynamic: whether the scale follows the gradients.
  ///   - initialScale: by default 2¹⁵; a fixed scale has no default.
  ///   - dynamicGrowthSteps: finite steps in a row until the scale doubles, by default 2000.
  /// - Throws: `LossScaleError` where the arguments contradict each other, or `TrainingError.nestedLossScaling`.
  public init(
    _ inner: any Optimizer, dynamic: Bool, initialScale: Double? = nil, dynamicGrowthSteps: Int? = nil
  ) throws {
    let configuration = try LossScaleConfiguration(
      dynamic: dynamic, initialScale: initialScale, dynamicGrowthSteps: dynamicGrowthSteps)
    try self.init(inner, lossScale: configuration.lossScale)
  }

  /// tf-keras writes a name of its own for the same class.
  public static var className: String {
    PolicyEnvironment.current.dialect == .tfKeras ? "LossScaleOptimizerV3" : "LossScaleOptimizer"
  }

  /// The inner optimizer's, both ways.
  public var learningRate: Double {
    get { innerOptimizer.learningRate }
    set { innerOptimizer.learningRate = newValue }
  }

  public var clipping: GradientClipping? { innerOptimizer.clipping }

  public func rate(atStep step: Int) -> Double { innerOptimizer.rate(atStep: step) }

  public var slots: [String] { innerOptimizer.slots }

  public func slot(_ name: String, of variable: TensorType, at path: String) -> OptimizerSlot {
    innerOptimizer.slot(name, of: variable, at: path)
  }

  public var publishedSlot: String? { innerOptimizer.publishedSlot }

  /// Scales that cannot scale are refused too: as in Keras they can be made, but nothing can be trained with them.
  public func check() throws(TrainingError) {
    try innerOptimizer.check()
    try lossScale.check()
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    try innerOptimizer.update(variable, slots: slots, gradient: gradient, schedule: schedule)
  }
}

extension LossScale {
  /// - Throws: `TrainingError.invalidOption` for a scale that gradients cannot be freed from.
  func check() throws(TrainingError) {
    guard value > 0, value.isFinite else {
      throw .invalidOption(name: "the loss scale", expected: "above 0 and finite", found: "\(value)")
    }
  }
}
