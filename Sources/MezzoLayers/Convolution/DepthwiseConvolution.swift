public import MezzoGraph
public import MezzoPolicy

/// Every channel of a sequence with kernels of its own: `[batch, steps, channels] -> [batch, out, channels ·
/// depthMultiplier]`.
///
/// ```swift
/// let smoothed = DepthwiseConv1D(kernelSize: 5, padding: .same)
/// ```
public typealias DepthwiseConv1D = DepthwiseConvolution<OneAxis>
/// Every channel of an image with kernels of its own: `[batch, height, width, channels] -> [batch, out, out, channels ·
/// depthMultiplier]`.
///
/// ```swift
/// let filtered = DepthwiseConv2D(kernelSize: 3, activation: .relu)
/// ```
public typealias DepthwiseConv2D = DepthwiseConvolution<TwoAxes>

/// What ``DepthwiseConv1D`` and ``DepthwiseConv2D`` are: a ``Convolution`` with as many groups as there are channels.
///
/// `kernel` is `[size…, channels, depthMultiplier]`, `bias` `[channels · depthMultiplier]`.
public struct DepthwiseConvolution<Axes: SpatialAxes>: Layer, Hashable {
  public var kernelSize: Extents
  public var strides: Extents
  public var padding: Padding
  /// The filters of each channel.
  public var depthMultiplier: Int
  public var dataFormat: DataFormat
  public var dilationRate: Extents
  public var activation: ActivationFunction
  public var useBias: Bool
  public var depthwiseInitializer: Initializer
  public var biasInitializer: Initializer
  public var depthwiseRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var activityRegularizer: Regularizer?
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "DepthwiseConv\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    kernelSize: Extents, strides: Extents = 1, padding: Padding = .valid, depthMultiplier: Int = 1,
    dataFormat: DataFormat = .channelsLast, dilationRate: Extents = 1, activation: ActivationFunction = .linear,
    useBias: Bool = true, depthwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    depthwiseRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.kernelSize = kernelSize
    self.strides = strides
    self.padding = padding
    self.depthMultiplier = depthMultiplier
    self.dataFormat = dataFormat
    self.dilationRate = dilationRate
    self.activation = activation
    self.useBias = useBias
    self.depthwiseInitializer = depthwiseInitializer
    self.biasInitializer = biasInitializer
    self.depthwiseRegularizer = depthwiseRegularizer
    self.biasRegularizer = biasRegularizer
    self.activityRegularizer = activityRegularizer
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let (x, geometry) = try context.windowed(
      Axes.self, input, size: kernelSize, strides: strides, dilations: dilationRate, padding, dataFormat)
    let sums = try context.depthwise(
      x, geometry, "kernel", depthMultiplier, depthwiseInitializer, depthwiseRegularizer)
    let output = try context.biased(sums, useBias ? biasInitializer : nil, biasRegularizer, activation)
    try context.regularize(output, activityRegularizer)
    return try dataFormat.restored(output)
  }
}

/// A depthwise convolution of a sequence and a product that mixes its channels: `[batch, steps, channels] -> [batch,
/// out, filters]`.
///
/// ```swift
/// let features = SeparableConv1D(32, kernelSize: 5, activation: .relu)
/// ```
public typealias SeparableConv1D = SeparableConvolution<OneAxis>
/// A depthwise convolution of an image and a product that mixes its channels (Chollet, CVPR 2017): `[batch, height,
/// width, channels] -> [batch, out, out, filters]`.
///
/// ```swift
/// let features = SeparableConv2D(32, kernelSize: 3, padding: .same, activation: .relu)
/// ```
public typealias SeparableConv2D = SeparableConvolution<TwoAxes>

/// What ``SeparableConv1D`` and ``SeparableConv2D`` are.
///
/// `depthwise_kernel` is `[size…, channels, depthMultiplier]`, `pointwise_kernel` `[1…, channels · depthMultiplier,
/// filters]`, `bias` `[filters]`.
public struct SeparableConvolution<Axes: SpatialAxes>: Layer, Hashable {
  public var filters: Int
  public var kernelSize: Extents
  public var strides: Extents
  public var padding: Padding
  public var dataFormat: DataFormat
  public var dilationRate: Extents
  public var depthMultiplier: Int
  public var activation: ActivationFunction
  public var useBias: Bool
  public var depthwiseInitializer: Initializer
  public var pointwiseInitializer: Initializer
  public var biasInitializer: Initializer
  public var depthwiseRegularizer: Regularizer?
  public var pointwiseRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var activityRegularizer: Regularizer?
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "SeparableConv\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ filters: Int, kernelSize: Extents, strides: Extents = 1, padding: Padding = .valid,
    dataFormat: DataFormat = .channelsLast, dilationRate: Extents = 1, depthMultiplier: Int = 1,
    activation: ActivationFunction = .linear, useBias: Bool = true, depthwiseInitializer: Initializer = .glorotUniform,
    pointwiseInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    depthwiseRegularizer: Regularizer? = nil, pointwiseRegularizer: Regularizer? = nil,
    biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil, name: String? = nil,
    policy: DTypePolicy? = nil
  ) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.strides = strides
    self.padding = padding
    self.dataFormat = dataFormat
    self.dilationRate = dilationRate
    self.depthMultiplier = depthMultiplier
    self.activation = activation
    self.useBias = useBias
    self.depthwiseInitializer = depthwiseInitializer
    self.pointwiseInitializer = pointwiseInitializer
    self.biasInitializer = biasInitializer
    self.depthwiseRegularizer = depthwiseRegularizer
    self.pointwiseRegularizer = pointwiseRegularizer
    self.biasRegularizer = biasRegularizer
    self.activityRegularizer = activityRegularizer
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let (x, geometry) = try context.windowed(
      Axes.self, input, size: kernelSize, strides: strides, dilations: dilationRate, padding, dataFormat)
    try context.require(filters > 0, "1 filter or more", filters)
    let filtered = try context.depthwise(
      x, geometry, "depthwise_kernel", depthMultiplier, depthwiseInitializer, depthwiseRegularizer)
    let (channels, places) = (filtered.shape[filtered.rank - 1], filtered.shape.dropLast().reduce(1, *))
    let mixing = try context.variable(
      "pointwise_kernel", shape: Array(repeating: 1, count: Axes.count) + [channels, filters],
      initializer: pointwiseInitializer, regularizer: pointwiseRegularizer)
    let output = try context.biased(
      filtered.reshaped([places, channels]).matmul(mixing.reshaped([channels, filters])),
      useBias ? biasInitializer : nil, biasRegularizer, activation
    ).reshaped(filtered.shape.dropLast() + [filters])
    try context.regularize(output, activityRegularizer)
    return try dataFormat.restored(output)
  }
}

extension LayerContext {
  /// A depthwise convolution, with its kernel `[size…, channels, multiplier]`.
  func depthwise(
    _ x: SymbolicTensor, _ geometry: WindowGeometry, _ name: String, _ multiplier: Int, _ initializer: Initializer,
    _ regularizer: Regularizer?
  ) throws -> SymbolicTensor {
    let channels = x.shape[x.rank - 1]
    try require(multiplier > 0 && channels > 0, "a depth multiplier of 1 or more", multiplier)
    let kernel = try variable(
      name, shape: geometry.size + [channels, multiplier], initializer: initializer, regularizer: regularizer)
    return try x.convolution(
      kernel.reshaped(geometry.size + [1, channels * multiplier]), geometry.windows(over: x, self), groups: channels)
  }
}
