public import MezzoGraph
public import MezzoPolicy

/// The transpose of a ``Conv1D``: `[batch, steps, channels] -> [batch, out, filters]`.
///
/// ```swift
/// let longer = Conv1DTranspose(8, kernelSize: 4, strides: 2, padding: .same)   // twice as long
/// ```
public typealias Conv1DTranspose = TransposedConvolution<OneAxis>
/// The transpose of a ``Conv2D``: `[batch, height, width, channels] -> [batch, out, out, filters]`.
///
/// ```swift
/// let larger = Conv2DTranspose(8, kernelSize: 4, strides: 2, padding: .same)   // twice as high and wide
/// ```
public typealias Conv2DTranspose = TransposedConvolution<TwoAxes>
/// The transpose of a ``Conv3D``: `[batch, depth, height, width, channels] -> [batch, …, filters]`.
///
/// ```swift
/// let larger = Conv3DTranspose(8, kernelSize: 2, strides: 2)
/// ```
public typealias Conv3DTranspose = TransposedConvolution<ThreeAxes>

/// What ``Conv1DTranspose``, ``Conv2DTranspose`` and ``Conv3DTranspose`` are: every element adds the kernel times
/// itself to a window of the output.
///
/// `kernel` is `[size…, filters, channels]`, `bias` `[filters]`. An extent n becomes `n · stride + max(span − stride,
/// 0)`, or with padding `same` `n · stride`; an output padding p makes it `(n − 1) · stride + span + p`, less what
/// `same` pads.
public struct TransposedConvolution<Axes: SpatialAxes>: Layer, Hashable {
  public var filters: Int
  public var kernelSize: Extents
  public var strides: Extents
  /// `valid` or `same`.
  public var padding: Padding
  public var outputPadding: Extents?
  public var dataFormat: DataFormat
  public var dilationRate: Extents
  public var activation: ActivationFunction
  public var useBias: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  public var kernelRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var activityRegularizer: Regularizer?
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "Conv\(Axes.count)DTranspose" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    _ filters: Int, kernelSize: Extents, strides: Extents = 1, padding: Padding = .valid,
    outputPadding: Extents? = nil, dataFormat: DataFormat = .channelsLast, dilationRate: Extents = 1,
    activation: ActivationFunction = .linear, useBias: Bool = true, kernelInitializer: Initializer = .glorotUniform,
    biasInitializer: Initializer = .zeros, kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.filters = filters
    self.kernelSize = kernelSize
    self.strides = strides
    self.padding = padding
    self.outputPadding = outputPadding
    self.dataFormat = dataFormat
    self.dilationRate = dilationRate
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
    try context.require(filters > 0 && padding != .causal, "1 filter or more and valid or same padding", filters)
    let kernel = try context.variable(
      "kernel", shape: geometry.size + [filters, x.shape[x.rank - 1]], initializer: kernelInitializer,
      regularizer: kernelRegularizer)
    let out = try extents(Array(x.shape[1...Axes.count]), geometry, context)
    let windows = geometry.windows(from: out, to: Array(x.shape[1...Axes.count]))
    let sums = try x.transposedConvolution(kernel, windows, extents: out)
    let output = try context.biased(sums, useBias ? biasInitializer : nil, biasRegularizer, activation)
    try context.regularize(output, activityRegularizer)
    return try dataFormat.restored(output)
  }

  private func extents(_ extents: [Int], _ geometry: WindowGeometry, _ context: LayerContext) throws -> [Int] {
    let more = try outputPadding?.resolved(Axes.count, "an output padding", least: 0, context)
    return try extents.indices.map { axis in
      let (stride, span) = (geometry.strides[axis], geometry.span[axis])
      guard let more else {
        return extents[axis] * stride + (padding == .same ? 0 : max(span - stride, 0))
      }
      try context.require(more[axis] < stride, "an output padding below the stride", more[axis])
      let cut = padding == .same ? span / 2 * 2 : 0
      return max((extents[axis] - 1) * stride + span - cut + more[axis], 0)
    }
  }
}

extension WindowGeometry {
  /// The windows of a convolution from `out` to `extents`, which a transposed convolution goes back.
  fileprivate func windows(from out: [Int], to extents: [Int]) -> ConvolutionWindows {
    let totals = extents.indices.map { max((extents[$0] - 1) * strides[$0] + span[$0] - out[$0], 0) }
    let low = totals.map { padding == .same ? $0 / 2 : 0 }
    return ConvolutionWindows(
      strides: strides, low: low, high: zip(totals, low).map { $0 - $1 }, dilations: dilations)
  }
}
