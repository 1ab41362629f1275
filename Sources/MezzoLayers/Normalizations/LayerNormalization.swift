public import MezzoGraph
public import MezzoPolicy

/// Each example brought to mean 0 and variance 1 over some axes, then scaled and shifted (Ba, Kiros and Hinton, arXiv
/// 1607.06450): `(x − mean) ∕ √(variance + epsilon) · gamma + beta`. The shape stays.
///
/// `gamma` and `beta` have the extents of the normalised axes. They are stored and read in the variable dtype;
/// everything is computed in at least float32, in float64 where the policy computes or reduces in it, and rounded once
/// to the compute dtype. That is Keras 3's rule: TensorFlow 2.4 computes in float16 under the policy float16, which
/// goes wrong for inputs of a few hundred, whose squares leave its range. Integers are taken as numbers.
///
/// ```swift
/// let normalized = LayerNormalization(epsilon: 1e-6)
/// let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
/// ```
public struct LayerNormalization: MaskPassing, Hashable {
  /// The axes that are normalised; negative ones count from the end.
  public var axis: [Int]
  public var epsilon: Double
  /// Whether there is a `beta`.
  public var center: Bool
  /// Whether there is a `gamma`.
  public var scale: Bool
  public var betaInitializer: Initializer
  public var gammaInitializer: Initializer
  public var betaRegularizer: Regularizer?
  public var gammaRegularizer: Regularizer?
  public var betaConstraint: Constraint?
  public var gammaConstraint: Constraint?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    axis: [Int] = [-1], epsilon: Double = 1e-3, center: Bool = true, scale: Bool = true,
    betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
    betaRegularizer: Regularizer? = nil,
    gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil,
    gammaConstraint: Constraint? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.axis = axis
    self.epsilon = epsilon
    self.center = center
    self.scale = scale
    self.betaInitializer = betaInitializer
    self.gammaInitializer = gammaInitializer
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
    let axes = try axis.map { try context.axis($0, of: input) }.sorted()
    guard !axes.isEmpty, Set(axes).count == axes.count else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "one or more different axes", found: "\(axis)")
    }
    let normalization = try NormalizationArithmetic(input, axes: axes, epsilon: epsilon, context)
    let gamma =
      try scale
      ? context.variable(
        "gamma", shape: normalization.shape, initializer: gammaInitializer, autocast: false,
        regularizer: gammaRegularizer, constraint: gammaConstraint) : nil
    let beta =
      try center
      ? context.variable(
        "beta", shape: normalization.shape, initializer: betaInitializer, autocast: false,
        regularizer: betaRegularizer, constraint: betaConstraint)
      : nil
    if let rows = try normalization.rows(input, gamma: gamma, beta: beta) {
      return try rows.cast(to: normalization.compute)
    }
    let (mean, variance) = try normalization.moments(over: axes)
    return try normalization.normalized(mean, variance, gamma: gamma, beta: beta)
  }
}
