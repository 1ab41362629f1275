public import MezzoGraph
public import MezzoPolicy

/// In training, adds normal noise of a standard deviation; otherwise does nothing. The shape stays.
///
/// ```swift
/// let noisy = GaussianNoise(0.1)
/// let output = try Model(noisy)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct GaussianNoise: MaskPassing, Hashable {
  /// At least 0.
  public var stddev: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ stddev: Double, name: String? = nil, policy: DTypePolicy? = nil) {
    self.stddev = stddev
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(stddev >= 0 && stddev.isFinite, "a standard deviation of at least 0", stddev)
    guard context.isTraining, stddev > 0 else { return input }
    try context.requireFloatingPoint(input)
    let x = try input.atLeastFloat32()
    return try (x + (context.randomNormal(input.shape) * stddev).cast(to: x.dtype)).cast(to: input.dtype)
  }
}

/// In training, multiplies with normal noise around 1 of deviation `√(rate ∕ (1 − rate))`; otherwise does nothing
/// (Srivastava et al., JMLR 15, 2014). The shape stays.
///
/// ```swift
/// let regularized = GaussianDropout(0.2)
/// let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct GaussianDropout: MaskPassing, Hashable {
  /// 0 ≤ rate < 1
  public var rate: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ rate: Double, name: String? = nil, policy: DTypePolicy? = nil) {
    self.rate = rate
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard let rate = try context.rate(rate, input) else { return input }
    let x = try input.atLeastFloat32()
    let deviation = (rate / (1 - rate)).squareRoot()
    return try (x * (context.randomNormal(input.shape) * deviation + 1).cast(to: x.dtype)).cast(to: input.dtype)
  }
}

/// In training, sets a fraction `rate` of the elements to the value that SELU has at −∞, and keeps mean and variance as
/// they were (Klambauer et al., NIPS 2017); otherwise does nothing. The shape stays.
///
/// ```swift
/// let layers = Sequential {
///   Dense(64, activation: .selu)
///   AlphaDropout(0.1)
/// }
/// let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 64]
/// ```
public struct AlphaDropout: MaskPassing, Hashable {
  /// 0 ≤ rate < 1
  public var rate: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ rate: Double, name: String? = nil, policy: DTypePolicy? = nil) {
    self.rate = rate
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  private static let least = -1.673_263_242_354_377_2 * 1.050_700_987_355_480_5

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard let rate = try context.rate(rate, input) else { return input }
    let x = try input.atLeastFloat32()
    let isKept = try context.isKept(input.shape, rate: rate)
    let scale = 1 / ((1 - rate) * (1 + rate * Self.least * Self.least)).squareRoot()
    let kept = try isKept.select(x, x.trace.constant(Self.least, dtype: x.dtype))
    return try (kept * scale - scale * Self.least * rate).cast(to: input.dtype)
  }
}

/// ``Dropout`` of whole channels of sequences `[batch, steps, channels]`.
///
/// ```swift
/// let regularized = SpatialDropout1D(0.2)
/// let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 8, 4]
/// ```
public typealias SpatialDropout1D = SpatialDropout<OneAxis>
/// ``Dropout`` of whole channels of images `[batch, height, width, channels]` (Tompson et al., CVPR 2015).
///
/// ```swift
/// let regularized = SpatialDropout2D(0.2)
/// let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 8, 8, 4]
/// ```
public typealias SpatialDropout2D = SpatialDropout<TwoAxes>
/// ``Dropout`` of whole channels of volumes `[batch, depth, height, width, channels]`.
///
/// ```swift
/// let regularized = SpatialDropout3D(0.2)
/// let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 2])))  // float32[2, 4, 4, 4, 2]
/// ```
public typealias SpatialDropout3D = SpatialDropout<ThreeAxes>

/// What ``SpatialDropout1D``, ``SpatialDropout2D`` and ``SpatialDropout3D`` are. The shape stays.
public struct SpatialDropout<Axes: SpatialAxes>: MaskPassing, Hashable {
  /// 0 ≤ rate < 1
  public var rate: Double
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "SpatialDropout\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ rate: Double, dataFormat: DataFormat = .channelsLast, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.rate = rate
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(input, rank: Axes.count + 2, Axes.expected(dataFormat))
    guard let rate = try context.rate(rate, input) else { return input }
    let axes = dataFormat.spatialAxes(of: input)
    let isKept = try context.isKept(
      input.shape.indices.map { axes.contains($0) ? 1 : input.shape[$0] }, rate: rate)
    return try isKept.select(input * (1 / (1 - rate)), input.trace.constant(0, dtype: input.dtype))
  }
}

/// Lets its input through and adds a penalty for it to the loss, as a mean over the batch. The shape and the dtype
/// stay.
///
/// ```swift
/// let sparse = ActivityRegularization(l1: 1e-4)
/// let output = try Model(sparse)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct ActivityRegularization: MaskPassing, Hashable {
  public var l1: Double
  public var l2: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(l1: Double = 0, l2: Double = 0, name: String? = nil, policy: DTypePolicy? = nil) {
    self.l1 = l1
    self.l2 = l2
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.regularize(input.dtype.isFloatingPoint ? input : input.cast(to: .float32), .l1l2(l1: l1, l2: l2))
    return input
  }
}

extension LayerContext {
  /// The rate of a dropout that has something to do; nil where it lets its input through.
  func rate(_ rate: Double, _ input: SymbolicTensor) throws -> Double? {
    try require((0..<1).contains(rate), "a rate of at least 0 and below 1", rate)
    guard isTraining, rate > 0 else { return nil }
    guard input.dtype.isFloatingPoint else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(path)", expected: "floating-point input, which can be scaled", found: input.dtype.name)
    }
    return rate
  }

  /// True with probability `1 − rate`.
  func isKept(_ shape: [Int], rate: Double) throws -> SymbolicTensor {
    try trace.constant(rate, dtype: .float32).isLessOrEqual(randomUniform(shape))
  }

  /// Normal float32 numbers of mean 0 and deviation 1, by Box and Muller's transform of uniform ones.
  func randomNormal(_ shape: [Int]) throws -> SymbolicTensor {
    let radius = try ((1 - randomUniform(shape)).log() * -2).sqrt()
    // cos 2πu = −cos 2π(u − ½), by its series in the square: the next term is below 2⁻²⁴.
    let turn = try randomUniform(shape) - 0.5
    let square = try turn * turn * (4 * Double.pi * Double.pi)
    var cosine = try square * (1 / 6_402_373_705_728_000) * -1 + 1 / 20_922_789_888_000
    for coefficient in [
      -1 / 87_178_291_200.0, 1 / 479_001_600.0, -1 / 3_628_800.0, 1 / 40_320.0, -1 / 720.0, 1 / 24.0, -0.5, 1,
    ] {
      cosine = try cosine * square + coefficient
    }
    return try radius * cosine.negated()
  }
}
