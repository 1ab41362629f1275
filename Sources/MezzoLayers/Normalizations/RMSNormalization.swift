public import MezzoGraph
public import MezzoPolicy

/// Each example divided by its root mean square over an axis, then scaled (Zhang and Sennrich, NeurIPS 2019):
/// `x ∕ √(mean(x²) + epsilon) · scale`. The shape stays.
///
/// `scale` has the extent of `axis`. Everything is computed in at least float32 and rounded once to the dtype of the
/// input, which is the compute dtype where it is floating; integers give the integral part.
///
/// ```swift
/// let normalized = RMSNormalization()
/// let output = try Model(normalized)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
/// ```
public struct RMSNormalization: MaskPassing, Hashable {
  /// Counts from the end if negative.
  public var axis: Int
  public var epsilon: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(axis: Int = -1, epsilon: Double = 1e-6, name: String? = nil, policy: DTypePolicy? = nil) {
    self.axis = axis
    self.epsilon = epsilon
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
    let normalization = try NormalizationArithmetic(input, axes: [axis], epsilon: epsilon, context)
    let scale = try context.variable("scale", shape: normalization.shape, initializer: .ones, autocast: false)
    if let rows = try normalization.rows(input, gamma: scale, isCentered: false) {
      return try rows.cast(to: input.dtype)
    }
    let x = normalization.input
    let square = try (x * x).mean(axes: [axis], keepDims: true)
    return try (x / (square + epsilon).sqrt() * normalization.aligned(scale)).cast(to: input.dtype)
  }
}

/// Each example brought to length 1 along some axes: `x ∕ √max(Σ x², 10⁻¹²)`. The shape stays; sums are in at least
/// float32.
///
/// ```swift
/// let directions = UnitNormalization()
/// let output = try Model(directions)(Tensor(zeros: TensorType(.float32, [4, 8])))  // float32[4, 8]
/// ```
public struct UnitNormalization: MaskPassing, Hashable {
  /// Negative ones count from the end.
  public var axis: [Int]
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(axis: [Int] = [-1], name: String? = nil, policy: DTypePolicy? = nil) {
    self.axis = axis
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let axes = try axis.map { try context.axis($0, of: input) }
    try context.require(!axes.isEmpty && Set(axes).count == axes.count, "one or more different axes", axis)
    let compute = try context.floatingComputeDType()
    return try input.cast(to: compute).normalized(axes: axes, epsilon: 1e-12)
  }
}
