public import MezzoGraph
public import MezzoPolicy

/// Each example brought to mean 0 and variance 1 within groups of its channels, then scaled and shifted (Wu and He,
/// ECCV 2018). The shape stays.
///
/// `gamma` and `beta` have the extent of `axis`. As in ``LayerNormalization``, everything is computed in at least
/// float32, and rounded once to the compute dtype.
///
/// ```swift
/// let normalized = GroupNormalization(groups: 8)
/// let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [2, 6, 6, 32])))  // float32[2, 6, 6, 32]
/// ```
public struct GroupNormalization: MaskPassing, Hashable {
  /// How many groups the channels fall into; −1 for one channel each.
  public var groups: Int
  /// The axis of the channels; counts from the end if negative.
  public var axis: Int
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
    groups: Int = 32, axis: Int = -1, epsilon: Double = 1e-3, center: Bool = true,
    scale: Bool = true,
    betaInitializer: Initializer = .zeros, gammaInitializer: Initializer = .ones,
    betaRegularizer: Regularizer? = nil,
    gammaRegularizer: Regularizer? = nil, betaConstraint: Constraint? = nil,
    gammaConstraint: Constraint? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.groups = groups
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
    let axis = try context.axis(axis, of: input)
    let channels = input.shape[axis]
    let groups = groups == -1 ? channels : groups
    try context.require(
      axis > 0 && groups > 0 && channels % groups == 0,
      "groups that divide the \(channels) channels of an axis behind the batch",
      "\(groups)")
    let whole = try NormalizationArithmetic(input, axes: [axis], epsilon: epsilon, context)
    let gamma = try parameter(
      "gamma", scale ? gammaInitializer : nil, gammaRegularizer, gammaConstraint, channels, context)
    let beta = try parameter(
      "beta", center ? betaInitializer : nil, betaRegularizer, betaConstraint, channels, context)
    // The channels of a group lie side by side, behind an axis of the groups.
    let shape = input.shape[..<axis] + [groups, channels / groups] + input.shape[(axis + 1)...]
    let grouped = try whole.input.reshaped(Array(shape))
    let reduced = (1..<grouped.rank).filter { $0 != axis }
    let mean = try grouped.mean(axes: reduced, keepDims: true)
    let centered = try grouped - mean
    let variance = try (centered * centered).mean(axes: reduced, keepDims: true)
    var output = try (centered / (variance + epsilon).sqrt()).reshaped(input.shape)
    if let gamma { output = try output * whole.aligned(gamma) }
    if let beta { output = try output + whole.aligned(beta) }
    return try output.cast(to: context.floatingComputeDType())
  }

  private func parameter(
    _ name: String, _ initializer: Initializer?, _ regularizer: Regularizer?,
    _ constraint: Constraint?,
    _ channels: Int, _ context: LayerContext
  ) throws -> SymbolicTensor? {
    guard let initializer else { return nil }
    return try context.variable(
      name, shape: [channels], initializer: initializer, autocast: false, regularizer: regularizer,
      constraint: constraint)
  }
}
