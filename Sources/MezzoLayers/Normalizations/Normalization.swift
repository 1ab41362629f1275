public import MezzoGraph
public import MezzoPolicy

/// Each feature less a known mean, divided by a known deviation: `(x − mean) ∕ max(√variance, 10⁻⁷)`; or with `invert`
/// the way back. The shape stays; any numeric input, computed in at least float32 and rounded once to the compute
/// dtype.
///
/// Without numbers of its own it has variables `mean`, `variance` and `count`, which training leaves as they are: weights
/// of a file bring them, such as those of an adapted layer of Keras.
///
/// ```swift
/// let standardized = Normalization(mean: [0.13], variance: [0.095])
/// let output = try Model(standardized)(Tensor(zeros: TensorType(.float32, [2, 28, 28, 1])))  // float32[2, 28, 28, 1]
/// ```
public struct Normalization: MaskPassing, Hashable {
  /// The axis of the features; counts from the end if negative. Without one there is one mean for all.
  public var axis: Int?
  /// One number, or one a feature; none where it is a variable.
  public var mean: [Double]
  public var variance: [Double]
  public var invert: Bool
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    axis: Int? = -1, mean: [Double] = [], variance: [Double] = [], invert: Bool = false, name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.axis = axis
    self.mean = mean
    self.variance = variance
    self.invert = invert
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  /// A layer for the columns of `samples`, each the values of one feature.
  ///
  /// - Parameter policy: by default the one in effect here.
  public init(adaptedTo samples: [[Double]], name: String? = nil, policy: DTypePolicy? = nil) {
    let means = samples.map { $0.reduce(0, +) / Double(max($0.count, 1)) }
    let variances = zip(samples, means).map { column, mean in
      column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(max(column.count, 1))
    }
    self.init(mean: means, variance: variances, name: name, policy: policy)
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let compute = try context.floatingComputeDType()
    try context.require(
      mean.count == variance.count && variance.allSatisfy { $0 >= 0 },
      "as many means as variances of at least 0", "\(mean) and \(variance)")
    let x = try input.cast(to: NormalizationArithmetic.dtype(under: context.policy))
    let (center, scale) = try mean.isEmpty ? learnt(x, context) : known(x, context)
    return try (invert ? x * scale + center : (x - center) / scale).cast(to: compute)
  }

  private func known(_ x: SymbolicTensor, _ context: LayerContext) throws -> (SymbolicTensor, SymbolicTensor) {
    let deviation = variance.map { max($0.squareRoot(), Self.leastDeviation) }
    return (try aligned(mean, x, context), try aligned(deviation, x, context))
  }

  /// The variables along the axis.
  private func learnt(_ x: SymbolicTensor, _ context: LayerContext) throws -> (SymbolicTensor, SymbolicTensor) {
    let axis = try axis.map { try context.axis($0, of: x) }
    let shape = axis.map { [x.shape[$0]] } ?? []
    let mean = try context.variable("mean", shape: shape, initializer: .zeros, isTrainable: false, autocast: false)
    let variance = try context.variable(
      "variance", shape: shape, initializer: .ones, isTrainable: false, autocast: false)
    _ = try context.parameter("count", shape: [], initializer: .zeros, dtype: .int64, isTrainable: false)
    let aligned = x.shape.indices.map { $0 == axis ? x.shape[$0] : 1 }
    let least = try x.trace.constant(Self.leastDeviation, dtype: x.dtype)
    return (
      try mean.cast(to: x.dtype).reshaped(axis == nil ? [] : aligned),
      try variance.cast(to: x.dtype).sqrt().maximum(least).reshaped(axis == nil ? [] : aligned)
    )
  }

  private static let leastDeviation = 1e-7

  /// The numbers along the axis.
  private func aligned(_ numbers: [Double], _ x: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let scalars = try numbers.map { try x.trace.constant($0, dtype: x.dtype).reshaped([1]) }
    if scalars.count == 1 { return try scalars[0].reshaped([]) }
    let axis = try axis.map { try context.axis($0, of: x) }
    guard let axis, x.shape[axis] == numbers.count else {
      throw LayerError.inputShape(
        layer: context.path,
        expected: "with \(numbers.count) features along the axis \(self.axis.map { "\($0)" } ?? "none")",
        found: x.shape)
    }
    return try SymbolicTensor.concatenate(scalars, axis: 0)
      .reshaped(x.shape.indices.map { $0 == axis ? numbers.count : 1 })
  }
}

/// `x · scale + offset` in the compute dtype; the shape stays. Integers are cast first.
///
/// ```swift
/// let unit = Rescaling(1 / 255.0)
/// let output = try Model(unit)(Tensor(zeros: TensorType(.float32, [2, 28, 28])))  // float32[2, 28, 28]
/// ```
public struct Rescaling: MaskPassing, Hashable {
  public var scale: Double
  public var offset: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ scale: Double, offset: Double = 0, name: String? = nil, policy: DTypePolicy? = nil) {
    self.scale = scale
    self.offset = offset
    self.name = name
    self.policy = policy ?? globalPolicy()
    warnOfLostConstants()
  }

  /// Scale and offset, in the dtype of the arithmetic.
  public func constants(under policy: DTypePolicy) -> [LayerConstant] {
    let dtype = policy.atLeastFloat32
    return [LayerConstant("scale", scale, dtype: dtype), LayerConstant("offset", offset, dtype: dtype)]
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let compute = try context.floatingComputeDType()
    // Integers of 8 bits and more are not all held by 16-bit floats: they are scaled before they are rounded.
    let x = try compute == .float64 ? input.cast(to: .float64) : input.cast(to: .float32)
    return try (x * scale + offset).cast(to: compute)
  }
}
