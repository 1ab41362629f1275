public import MezzoGraph
public import MezzoPolicy

/// `x` above the threshold and up to the largest value, `negativeSlope · (x − threshold)` below it; the shape stays.
///
/// ```swift
/// let relu6 = ReLU(maxValue: 6)
/// let output = try Model(relu6)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct ReLU: MaskPassing, Hashable {
  public var maxValue: Double?
  public var negativeSlope: Double
  public var threshold: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    maxValue: Double? = nil, negativeSlope: Double = 0, threshold: Double = 0, name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.maxValue = maxValue
    self.negativeSlope = negativeSlope
    self.threshold = threshold
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  /// Integers stay what they are where there is no slope; a slope makes float32 of them.
  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard (maxValue ?? 0) >= 0, negativeSlope >= 0, threshold >= 0 else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "a largest value, a slope and a threshold of at least 0",
        found: "\(maxValue.map { "\($0)" } ?? "none"), \(negativeSlope), \(threshold)")
    }
    if negativeSlope == 0, threshold == 0 {
      let rectified = try ActivationFunction.relu(input)
      return try maxValue.map { try rectified.minimum(input.trace.constant($0, dtype: input.dtype)) } ?? rectified
    }
    let x = try input.atLeastFloat32()
    let limit = try x.trace.constant(threshold, dtype: x.dtype)
    let above = try maxValue.map { try x.minimum(x.trace.constant($0, dtype: x.dtype)) } ?? x
    let output = try limit.isLessOrEqual(x).select(above, (x - threshold) * negativeSlope)
    return try output.cast(to: input.dtype.isFloatingPoint ? input.dtype : .float32)
  }
}

/// `x` above 0 and `negativeSlope · x` below; the shape stays. Integers become float32.
///
/// ```swift
/// let leaky = LeakyReLU(negativeSlope: 0.1)
/// let output = try Model(leaky)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct LeakyReLU: MaskPassing, Hashable {
  public var negativeSlope: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(negativeSlope: Double = 0.3, name: String? = nil, policy: DTypePolicy? = nil) {
    self.negativeSlope = negativeSlope
    self.name = name
    self.policy = policy ?? globalPolicy()
    warnOfLostConstants()
  }

  /// The slope, in the dtype of the arithmetic.
  public func constants(under policy: DTypePolicy) -> [LayerConstant] {
    [LayerConstant("negative_slope", negativeSlope, dtype: policy.atLeastFloat32)]
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let x = try input.atLeastFloat32()
    return try (x.relu() + x.negativePart() * negativeSlope).cast(
      to: input.dtype.isFloatingPoint ? input.dtype : .float32)
  }
}

/// `x` above 0 and `alpha · (eˣ − 1)` below (Clevert, Unterthiner and Hochreiter, ICLR 2016); the shape stays.
///
/// ```swift
/// let elu = ELU(alpha: 0.5)
/// let output = try Model(elu)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct ELU: MaskPassing, Hashable {
  public var alpha: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(alpha: Double = 1, name: String? = nil, policy: DTypePolicy? = nil) {
    self.alpha = alpha
    self.name = name
    self.policy = policy ?? globalPolicy()
    warnOfLostConstants()
  }

  /// `alpha`, in the dtype of the arithmetic.
  public func constants(under policy: DTypePolicy) -> [LayerConstant] {
    [LayerConstant("alpha", alpha, dtype: policy.atLeastFloat32)]
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.requireFloatingPoint(input)
    let x = try input.atLeastFloat32()
    return try (x.relu() + x.negativePart().expm1() * alpha).cast(to: input.dtype)
  }
}

/// `x` above 0 and `alpha · x` below, with a learned `alpha` for each place `[batch, …]` (He et al., ICCV 2015); the
/// shape stays.
///
/// `alpha` has the shape of an example, with extent 1 along the shared axes.
///
/// ```swift
/// let perChannel = PReLU(sharedAxes: [1, 2])  // of images [batch, height, width, channels]
/// let output = try Model(perChannel)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 8, 8, 3]
/// ```
public struct PReLU: MaskPassing, Hashable {
  public var alphaInitializer: Initializer
  public var alphaRegularizer: Regularizer?
  public var alphaConstraint: Constraint?
  /// Axes, counted with the batch as 0, along which there is one `alpha`.
  public var sharedAxes: [Int]
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    alphaInitializer: Initializer = .zeros, alphaRegularizer: Regularizer? = nil,
    alphaConstraint: Constraint? = nil, sharedAxes: [Int] = [],
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.alphaInitializer = alphaInitializer
    self.alphaRegularizer = alphaRegularizer
    self.alphaConstraint = alphaConstraint
    self.sharedAxes = sharedAxes
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.requireFloatingPoint(input)
    guard input.rank >= 1, sharedAxes.allSatisfy((1..<max(input.rank, 2)).contains) else {
      throw LayerError.inputShape(
        layer: context.path, expected: "[batch, …] with the shared axes \(sharedAxes)", found: input.shape)
    }
    let shape = (1..<input.rank).map { sharedAxes.contains($0) ? 1 : input.shape[$0] }
    let alpha = try context.variable(
      "alpha", shape: shape, initializer: alphaInitializer, regularizer: alphaRegularizer,
      constraint: alphaConstraint)
    let x = try input.atLeastFloat32()
    return try (x.relu() + x.negativePart() * alpha.cast(to: x.dtype)).cast(to: input.dtype)
  }
}
