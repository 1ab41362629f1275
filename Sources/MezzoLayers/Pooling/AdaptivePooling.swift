public import MezzoGraph
public import MezzoPolicy

/// The largest elements of a sequence `[batch, steps, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let three = AdaptiveMaxPooling1D(outputSize: 3)
/// let output = try Model(three)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 3, 4]
/// ```
public typealias AdaptiveMaxPooling1D = AdaptivePooling<OneAxis, LargestOfWindow>
/// The largest elements of an image `[batch, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveMaxPooling2D(outputSize: [2, 3])
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 2, 3, 4]
/// ```
public typealias AdaptiveMaxPooling2D = AdaptivePooling<TwoAxes, LargestOfWindow>
/// The largest elements of a volume `[batch, depth, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveMaxPooling3D(outputSize: 2)
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 5, 3])))  // float32[2, 2, 2, 2, 3]
/// ```
public typealias AdaptiveMaxPooling3D = AdaptivePooling<ThreeAxes, LargestOfWindow>
/// The means of a sequence `[batch, steps, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let three = AdaptiveAveragePooling1D(outputSize: 3)
/// let output = try Model(three)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 3, 4]
/// ```
public typealias AdaptiveAveragePooling1D = AdaptivePooling<OneAxis, MeanOfWindow>
/// The means of an image `[batch, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveAveragePooling2D(outputSize: [2, 3])
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 2, 3, 4]
/// ```
public typealias AdaptiveAveragePooling2D = AdaptivePooling<TwoAxes, MeanOfWindow>
/// The means of a volume `[batch, depth, height, width, channels]` cut into as many windows as asked for.
///
/// ```swift
/// let small = AdaptiveAveragePooling3D(outputSize: 2)
/// let output = try Model(small)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 5, 3])))  // float32[2, 2, 2, 2, 3]
/// ```
public typealias AdaptiveAveragePooling3D = AdaptivePooling<ThreeAxes, MeanOfWindow>

/// What ``AdaptiveMaxPooling2D``, ``AdaptiveAveragePooling2D`` and those of one and three axes are: window `i` of `n` goes from
/// `⌊i · extent ∕ n⌋` up to `⌈(i + 1) · extent ∕ n⌉`, so that windows may share elements.
public struct AdaptivePooling<Axes: SpatialAxes, Fold: WindowFold>: Layer, Hashable {
  /// How many windows there are along each axis.
  public var outputSize: Extents
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "Adaptive\(Fold.name)Pooling\(Axes.count)D" }

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
    try context.adaptivelyPooled(Axes.self, Fold.operand(input, context), outputSize, dataFormat, Fold.folded)
      .cast(to: input.dtype)
  }
}

/// What becomes of the elements of a window.
public protocol WindowFold: Sendable {
  /// As names of layer classes have it.
  static var name: String { get }
  /// The input in the dtype that it is folded in.
  static func operand(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor
  /// One element in place of those along `axis`.
  static func folded(_ x: SymbolicTensor, axis: Int) throws -> SymbolicTensor
}

/// Integers pass through, exactly up to 2⁵³; equal largest elements share the gradient.
public enum LargestOfWindow: WindowFold {
  public static let name = "Max"

  public static func operand(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    input.dtype.isFloatingPoint ? input : try input.cast(to: .float64)
  }

  public static func folded(_ x: SymbolicTensor, axis: Int) throws -> SymbolicTensor {
    try x.max(axes: [axis], keepDims: true)
  }
}

/// Summed in at least float32 and rounded once.
public enum MeanOfWindow: WindowFold {
  public static let name = "Average"

  public static func operand(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.requireFloatingPoint(input)
    return try input.atLeastFloat32()
  }

  public static func folded(_ x: SymbolicTensor, axis: Int) throws -> SymbolicTensor {
    try x.mean(axes: [axis], keepDims: true)
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
