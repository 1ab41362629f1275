public import MezzoGraph
public import MezzoPolicy

/// The largest element of each window of a sequence `[batch, steps, channels]`.
///
/// ```swift
/// let shorter = MaxPooling1D(poolSize: 2)
/// ```
public typealias MaxPooling1D = MaxPooling<OneAxis>
/// The largest element of each window of an image `[batch, height, width, channels]`.
///
/// ```swift
/// let smaller = MaxPooling2D(poolSize: 2)
/// ```
public typealias MaxPooling2D = MaxPooling<TwoAxes>
/// The largest element of each window of a volume `[batch, depth, height, width, channels]`.
///
/// ```swift
/// let smaller = MaxPooling3D(poolSize: 2)
/// ```
public typealias MaxPooling3D = MaxPooling<ThreeAxes>
/// The mean of each window of a sequence `[batch, steps, channels]`.
///
/// ```swift
/// let shorter = AveragePooling1D(poolSize: 2)
/// ```
public typealias AveragePooling1D = AveragePooling<OneAxis>
/// The mean of each window of an image `[batch, height, width, channels]`.
///
/// ```swift
/// let smaller = AveragePooling2D(poolSize: 2, padding: .same)
/// ```
public typealias AveragePooling2D = AveragePooling<TwoAxes>
/// The mean of each window of a volume `[batch, depth, height, width, channels]`.
///
/// ```swift
/// let smaller = AveragePooling3D(poolSize: 2)
/// ```
public typealias AveragePooling3D = AveragePooling<ThreeAxes>

/// What ``MaxPooling1D``, ``MaxPooling2D`` and ``MaxPooling3D`` are. Integers pass through, exactly up to 2⁵³; equal
/// largest elements share the gradient.
public struct MaxPooling<Axes: SpatialAxes>: Layer, Hashable {
  public var poolSize: Extents
  /// By default the pool size: windows side by side.
  public var strides: Extents?
  /// `valid` or `same`; what is padded is never the largest.
  public var padding: Padding
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "MaxPooling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    poolSize: Extents = 2, strides: Extents? = nil, padding: Padding = .valid, dataFormat: DataFormat = .channelsLast,
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.poolSize = poolSize
    self.strides = strides
    self.padding = padding
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.pooled(Axes.self, input, poolSize, strides, padding, dataFormat) { x, geometry in
      try x.maxPool(size: geometry.size, geometry.windows(over: x, context))
    }
  }
}

/// What ``AveragePooling1D``, ``AveragePooling2D`` and ``AveragePooling3D`` are. The mean is that of the elements of
/// the input, without what is padded, summed in at least float32 and rounded once.
public struct AveragePooling<Axes: SpatialAxes>: Layer, Hashable {
  public var poolSize: Extents
  /// By default the pool size: windows side by side.
  public var strides: Extents?
  /// `valid` or `same`.
  public var padding: Padding
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "AveragePooling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    poolSize: Extents = 2, strides: Extents? = nil, padding: Padding = .valid, dataFormat: DataFormat = .channelsLast,
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.poolSize = poolSize
    self.strides = strides
    self.padding = padding
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.requireFloatingPoint(input)
    return try context.pooled(Axes.self, input, poolSize, strides, padding, dataFormat) { x, geometry in
      try x.averagePool(size: geometry.size, geometry.windows(over: x, context))
    }
  }
}

extension LayerContext {
  func pooled<Axes: SpatialAxes>(
    _: Axes.Type, _ input: SymbolicTensor, _ size: Extents, _ strides: Extents?, _ padding: Padding,
    _ format: DataFormat, _ pool: (SymbolicTensor, WindowGeometry) throws -> SymbolicTensor
  ) throws -> SymbolicTensor {
    try require(input, rank: Axes.count + 2, Axes.expected(format))
    try require(padding != .causal, "valid or same padding", padding.rawValue)
    let size = try size.resolved(Axes.count, "a pool size", self)
    let geometry = WindowGeometry(
      size: size, strides: try strides?.resolved(Axes.count, "a stride", self) ?? size,
      dilations: size.map { _ in 1 }, padding: padding)
    let dtype = input.dtype
    let x = try format.channelsLast(dtype.isFloatingPoint ? input : input.cast(to: .float64))
    return try format.restored(try pool(x, geometry).cast(to: dtype))
  }
}
