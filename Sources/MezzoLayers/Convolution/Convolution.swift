public import MezzoGraph
public import MezzoPolicy

/// `activation(x ∗ kernel + bias)` over sequences: `[batch, steps, channels] -> [batch, out, filters]`.
///
/// ```swift
/// let causal = Conv1D(32, kernelSize: 3, padding: .causal, dilationRate: 2, activation: .relu)
/// ```
public typealias Conv1D = Convolution<OneAxis>
/// `activation(x ∗ kernel + bias)` over images: `[batch, height, width, channels] -> [batch, out, out, filters]`.
///
/// ```swift
/// let features = Conv2D(32, kernelSize: [3, 3], strides: 2, padding: .same, activation: .relu)
/// ```
public typealias Conv2D = Convolution<TwoAxes>
/// `activation(x ∗ kernel + bias)` over volumes: `[batch, depth, height, width, channels] -> [batch, …, filters]`.
///
/// ```swift
/// let features = Conv3D(8, kernelSize: 3, activation: .relu)
/// ```
public typealias Conv3D = Convolution<ThreeAxes>

/// What ``Conv1D``, ``Conv2D`` and ``Conv3D`` are: windows over some axes, each multiplied with the same kernel.
///
/// `kernel` is `[size…, channels ∕ groups, filters]`, `bias` `[filters]`. Floating-point input comes in the compute
/// dtype; products are summed in at least float32, and bias and activation are applied before the result is rounded.
public struct Convolution<Axes: SpatialAxes>: Layer, Hashable {
  public var filters: Int
  public var kernelSize: Extents
  public var strides: Extents
  public var padding: Padding
  public var dataFormat: DataFormat
  public var dilationRate: Extents
  /// Channels and filters fall into so many groups, and each filter sees the channels of its own.
  public var groups: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var kernelRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var activityRegularizer: Regularizer?
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "Conv\(Axes.count)D" }

  /// - Parameters:
  ///   - padding: `causal` for sequences alone.
  ///   - policy: by default the one in effect here.
  public init(
    _ filters: Int, kernelSize: Extents, strides: Extents = 1, padding: Padding = .valid,
    dataFormat: DataFormat = .channelsLast, dilationRate: Extents = 1, groups: Int = 1,
    activation: ActivationFunction = .linear, useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform,
    biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.strides = strides
    self.padding = padding
    self.dataFormat = dataFormat
    self.dilationRate = dilationRate
    self.groups = groups
    self.activation = activation
    self.useBias = useBias
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelRegularizer = kernelRegularizer
    self.biasRegularizer = biasRegularizer
    self.activityRegularizer = activityRegularizer
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let (x, geometry) = try context.windowed(
      Axes.self, input, size: kernelSize, strides: strides, dilations: dilationRate, padding, dataFormat)
    let channels = x.shape[x.rank - 1]
    try context.require(
      filters > 0 && groups > 0 && filters % groups == 0 && channels % groups == 0,
      "filters and \(channels) channels that the groups divide", "\(filters) filters in \(groups) groups")
    let kernel = try context.variable(
      "kernel", shape: geometry.size + [channels / groups, filters], initializer: kernelInitializer,
      regularizer: kernelRegularizer)
    let sums = try x.convolution(kernel, geometry.windows(over: x, context), groups: groups)
    let output = try context.biased(sums, useBias ? biasInitializer : nil, biasRegularizer, activation)
    try context.regularize(output, activityRegularizer)
    return try dataFormat.restored(output)
  }
}

extension LayerContext {
  /// The input as `[batch, …, channels]` in the compute dtype, and windows over it.
  func windowed<Axes: SpatialAxes>(
    _: Axes.Type, _ input: SymbolicTensor, size: Extents, strides: Extents, dilations: Extents = 1, _ padding: Padding,
    _ format: DataFormat
  ) throws -> (x: SymbolicTensor, geometry: WindowGeometry) {
    let compute = try floatingComputeDType()
    try requireFloatingPoint(input)
    try require(input, rank: Axes.count + 2, Axes.expected(format))
    let geometry = WindowGeometry(
      size: try size.resolved(Axes.count, "a size", self), strides: try strides.resolved(Axes.count, "a stride", self),
      dilations: try dilations.resolved(Axes.count, "a dilation", self), padding: padding)
    try require(padding != .causal || Axes.count == 1, "causal padding for sequences alone", "\(Axes.count) axes")
    return (try format.channelsLast(input).cast(to: compute), geometry)
  }

  /// `activation(x + bias)` of `x` `[…, filters]`.
  func biased(
    _ x: SymbolicTensor, _ initializer: Initializer?, _ regularizer: Regularizer?, _ activation: ActivationFunction
  ) throws -> SymbolicTensor {
    guard let initializer else { return try activation(x, dialect: dialect) }
    let bias = try variable(
      "bias", shape: [x.shape[x.rank - 1]], initializer: initializer, regularizer: regularizer)
    return try activation(x + bias, dialect: dialect)
  }
}
