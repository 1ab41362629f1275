public import MezzoGraph
public import MezzoPolicy

/// Each feature brought to mean 0 and variance 1 over the batch, then scaled and shifted (Ioffe and Szegedy, ICML
/// 2015): `(x − mean) ∕ √(variance + epsilon) · gamma + beta`. The shape stays.
///
/// In training the mean and the variance are those of the batch over all axes but `axis`; otherwise they are averages
/// that training kept: `moving = moving · momentum + batch · (1 − momentum)`. The parameters and the averages have the
/// extent of `axis`. They are stored and read in the variable dtype, in float32 where that has 16 bits or fewer;
/// everything is computed in at least float32, in float64 where the policy computes or reduces in it, and rounded once
/// to the compute dtype.
///
/// The variance of a batch is that of its n elements, divided by n. As in TensorFlow 2.4 the moving variance takes it
/// divided by n − 1 instead where that uses its fused kernel: for inputs of rank 4 with the features along axis 1 or 3
/// and a compute dtype other than float64. Keras 3, and its
/// dialect, divide by n everywhere.
///
/// Frozen by ``Model/freeze(_:)`` it works as in inference in training too, and keeps its averages.
///
/// ```swift
/// let normalized = BatchNormalization(momentum: 0.9)
/// let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
/// ```
public struct BatchNormalization: MaskPassing, Hashable {
  /// The axis of the features; counts from the end if negative.
  public var axis: Int
  /// How much of an average a step keeps.
  public var momentum: Double
  public var epsilon: Double
  /// Whether there is a `beta`.
  public var center: Bool
  /// Whether there is a `gamma`.
  public var scale: Bool
  public var betaInitializer: Initializer
  public var gammaInitializer: Initializer
  public var movingMeanInitializer: Initializer
  public var movingVarianceInitializer: Initializer
  public var betaRegularizer: Regularizer?
  public var gammaRegularizer: Regularizer?
  public var betaConstraint: Constraint?
  public var gammaConstraint: Constraint?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    axis: Int = -1, momentum: Double = 0.99, epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true,
    betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
    movingMeanInitializer: Initializer = .zeros, movingVarianceInitializer: Initializer = .ones,
    betaRegularizer: Regularizer? = nil, gammaRegularizer: Regularizer? = nil,
    betaConstraint: Constraint? = nil, gammaConstraint: Constraint? = nil, name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.axis = axis
    self.momentum = momentum
    self.epsilon = epsilon
    self.center = center
    self.scale = scale
    self.betaInitializer = betaInitializer
    self.gammaInitializer = gammaInitializer
    self.movingMeanInitializer = movingMeanInitializer
    self.movingVarianceInitializer = movingVarianceInitializer
    self.betaRegularizer = betaRegularizer
    self.gammaRegularizer = gammaRegularizer
    self.betaConstraint = betaConstraint
    self.gammaConstraint = gammaConstraint
    self.name = name
    self.policy = policy ?? globalPolicy()
    warnOfLostConstants()
  }

  /// The epsilon, in the dtype of the arithmetic.
  public func constants(under policy: DTypePolicy) -> [LayerConstant] {
    [LayerConstant("epsilon", epsilon, dtype: NormalizationArithmetic.dtype(under: policy))]
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard (0...1).contains(momentum) else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "a momentum between 0 and 1", found: "\(momentum)")
    }
    let axis = try context.axis(axis, of: input)
    let normalization = try NormalizationArithmetic(input, axes: [axis], epsilon: epsilon, context)
    func parameter(
      _ name: String, _ initializer: Initializer, isTrainable: Bool = true,
      _ regularizer: Regularizer? = nil,
      _ constraint: Constraint? = nil
    ) throws -> LayerVariable {
      let stored = context.policy.variableDType
      return try context.parameter(
        name, shape: normalization.shape, initializer: initializer,
        dtype: stored == .float64 ? .float64 : .float32,
        isTrainable: isTrainable, autocast: false, regularizer: regularizer, constraint: constraint)
    }
    let gamma =
      try scale ? parameter("gamma", gammaInitializer, gammaRegularizer, gammaConstraint) : nil
    let beta =
      try center ? parameter("beta", betaInitializer, betaRegularizer, betaConstraint) : nil
    let movingMean = try parameter("moving_mean", movingMeanInitializer, isTrainable: false)
    let movingVariance = try parameter("moving_variance", movingVarianceInitializer, isTrainable: false)
    let mean: SymbolicTensor
    let variance: SymbolicTensor
    if context.isTraining && !context.isFrozen {
      let reduced = input.shape.indices.filter { $0 != axis }
      (mean, variance) = try normalization.moments(over: reduced)
      let count = reduced.reduce(1) { $0 * Double(input.shape[$1]) }
      // A batch of nothing has no mean, and must not make the averages NaN.
      if count > 0 {
        let correction = isFused(input, axis, context) ? count / max(count - 1, 1) : 1
        try update(movingMean, mean, context)
        try update(movingVariance, variance * correction, context)
      }
    } else {
      mean = try normalization.aligned(movingMean.value(in: context))
      variance = try normalization.aligned(movingVariance.value(in: context))
    }
    return try normalization.normalized(
      mean, variance, gamma: gamma?.value(in: context), beta: beta?.value(in: context))
  }

  /// Where TensorFlow 2.4 uses its fused kernel.
  private func isFused(_ input: SymbolicTensor, _ axis: Int, _ context: LayerContext) -> Bool {
    input.rank == 4 && (axis == 1 || axis == 3) && context.policy.computeDType != .float64
      && context.dialect != .keras3
  }

  private func update(_ average: LayerVariable, _ batch: SymbolicTensor, _ context: LayerContext) throws {
    let old = try average.value(in: context)
    let new = try batch.reshaped(old.shape).cast(to: old.dtype)
    try context.assign(average, old * momentum + new * (1 - momentum))
  }
}
