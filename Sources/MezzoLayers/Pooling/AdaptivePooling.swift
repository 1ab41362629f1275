public import MezzoGraph
public import MezzoPolicy

/// The largest elements of a sequence `[batch, steps, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let three = AdaptiveMaxPooling1D(outputSize: 3)
/// let output = try Model(three)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 3, 4]
/// ```
public typealias AdaptiveMaxPooling1D = AdaptiveMaxPooling<OneAxis>
/// The largest elements of an image `[batch, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveMaxPooling2D(outputSize: [2, 3])
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 2, 3, 4]
/// ```
public typealias AdaptiveMaxPooling2D = AdaptiveMaxPooling<TwoAxes>
/// The largest elements of a volume `[batch, depth, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveMaxPooling3D(outputSize: 2)
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 5, 3])))  // float32[2, 2, 2, 2, 3]
/// ```
public typealias AdaptiveMaxPooling3D = AdaptiveMaxPooling<ThreeAxes>
/// The means of a sequence `[batch, steps, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let three = AdaptiveAveragePooling1D(outputSize: 3)
/// let output = try Model(three)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 3, 4]
/// ```
public typealias AdaptiveAveragePooling1D = AdaptiveAveragePooling<OneAxis>
/// The means of an image `[batch, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveAveragePooling2D(outputSize: [2, 3])
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 2, 3, 4]
/// ```
public typealias AdaptiveAveragePooling2D = AdaptiveAveragePooling<TwoAxes>
/// The means of a volume `[batch, depth, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveAveragePooling3D(outputSize: 2)
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 5, 3])))  // float32[2, 2, 2, 2, 3]
/// ```
public typealias AdaptiveAveragePooling3D = AdaptiveAveragePooling<ThreeAxes>

/// What ``AdaptiveMaxPooling1D``, ``AdaptiveMaxPooling2D`` and ``AdaptiveMaxPooling3D`` are: window `i` of `n` goes from
/// `⌊i · extent ∕ n⌋` up to `⌈(i + 1) · extent ∕ n⌉`, so that windows may share elements. Integers pass through, exactly up
/// to 2⁵³; equal largest elements share the gradient.
public struct AdaptiveMaxPooling<Axes: SpatialAxes>: Layer, Hashable {
  /// How many windows there are along each axis.
  public var outputSize: Extents
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "AdaptiveMaxPooling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    outputSize: Extents, dataFormat: DataFormat = .channelsLast, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.outputSize = outputSize
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let x = try input.dtype.isFloatingPoint ? input : input.cast(to: .float64)
    return try context.adaptivelyPooled(Axes.self, x, outputSize, dataFormat) {
      try $0.max(axes: [$1], keepDims: true)
    }.cast(to: input.dtype)
  }
}

/// What ``AdaptiveAveragePooling1D``, ``AdaptiveAveragePooling2D`` and ``AdaptiveAveragePooling3D`` are, with the windows of
/// ``AdaptiveMaxPooling``: summed in at least float32 and rounded once.
public struct AdaptiveAveragePooling<Axes: SpatialAxes>: Layer, Hashable {
  /// How many windows there are along each axis.
  public var outputSize: Extents
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "AdaptiveAveragePooling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    outputSize: Extents, dataFormat: DataFormat = .channelsLast, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.outputSize = outputSize
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.requireFloatingPoint(input)
    return try context.adaptivelyPooled(Axes.self, try input.atLeastFloat32(), outputSize, dataFormat) {
      try $0.mean(axes: [$1], keepDims: true)
    }.cast(to: input.dtype)
  }
}

extension LayerContext {
  /// Windows are boxes, which may be folded one axis after the other.
  fileprivate func adaptivelyPooled<Axes: SpatialAxes>(
    _: Axes.Type, _ input: SymbolicTensor, _ size: Extents, _ format: DataFormat,
    _ fold: (SymbolicTensor, _ axis: Int) throws -> SymbolicTensor
  ) throws -> SymbolicTensor {
    try require(input, rank: Axes.count + 2, Axes.expected(format))
    let counts = try size.resolved(Axes.count, "an output size", self)
    // Each window is several operations of the plan.
    try require(counts.allSatisfy { $0 <= 1 << 12 }, "an output size of at most 4,096", "\(counts)")
    var x = input
    for (axis, count) in zip(format.spatialAxes(of: input), counts) {
      let extent = x.shape[axis]
      guard extent > 0 else {
        throw LayerError.inputShape(layer: path, expected: "at least 1 element along each axis", found: input.shape)
      }
      let windows = try (0..<count).map { index in
        try fold(x.sliced(axis: axis, index * extent / count..<((index + 1) * extent + count - 1) / count), axis)
      }
      x = try SymbolicTensor.concatenate(windows, axis: axis)
    }
    return x
  }
}
