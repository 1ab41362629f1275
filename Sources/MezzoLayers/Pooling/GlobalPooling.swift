public import MezzoGraph
public import MezzoPolicy

/// The mean of each channel of a sequence: `[batch, steps, channels] -> [batch, channels]`. With a mask `[batch,
/// steps]` as the second argument or by its name, or one that the sequence carries, that of the steps where it is true.
///
/// ```swift
/// let vector = GlobalAveragePooling1D()
/// let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 4]
/// ```
public typealias GlobalAveragePooling1D = GlobalAveragePooling<OneAxis>
/// The mean of each channel of an image: `[batch, height, width, channels] -> [batch, channels]`.
///
/// ```swift
/// let vector = GlobalAveragePooling2D()
/// let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 4]
/// ```
public typealias GlobalAveragePooling2D = GlobalAveragePooling<TwoAxes>
/// The mean of each channel of a volume: `[batch, depth, height, width, channels] -> [batch, channels]`.
///
/// ```swift
/// let vector = GlobalAveragePooling3D()
/// let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 3])))  // float32[2, 3]
/// ```
public typealias GlobalAveragePooling3D = GlobalAveragePooling<ThreeAxes>
/// The largest element of each channel of a sequence: `[batch, steps, channels] -> [batch, channels]`.
///
/// ```swift
/// let vector = GlobalMaxPooling1D()
/// let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 4]
/// ```
public typealias GlobalMaxPooling1D = GlobalMaxPooling<OneAxis>
/// The largest element of each channel of an image: `[batch, height, width, channels] -> [batch, channels]`.
///
/// ```swift
/// let vector = GlobalMaxPooling2D()
/// let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 4])))  // float32[2, 4]
/// ```
public typealias GlobalMaxPooling2D = GlobalMaxPooling<TwoAxes>
/// The largest element of each channel of a volume: `[batch, depth, height, width, channels] -> [batch, channels]`.
///
/// ```swift
/// let vector = GlobalMaxPooling3D()
/// let output = try Model(vector)(Tensor(zeros: TensorType(.float32, [2, 4, 4, 4, 3])))  // float32[2, 3]
/// ```
public typealias GlobalMaxPooling3D = GlobalMaxPooling<ThreeAxes>

/// What ``GlobalAveragePooling1D``, ``GlobalAveragePooling2D`` and ``GlobalAveragePooling3D`` are: sums in at least
/// float32, rounded once. Integers give the mean's integral part, in Keras 3's dialect a float32 mean; booleans give
/// float32.
public struct GlobalAveragePooling<Axes: SpatialAxes>: Layer, Hashable {
  public var dataFormat: DataFormat
  /// Whether the axes that are averaged stay, with extent 1.
  public var keepDims: Bool
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "GlobalAveragePooling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    dataFormat: DataFormat = .channelsLast, keepDims: Bool = false, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.dataFormat = dataFormat
    self.keepDims = keepDims
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let tensors = try context.tensors(
      inputs, count: 1...(Axes.count == 1 ? 2 : 1), named: Axes.count == 1 ? ["mask"] : [])
    let input = tensors[0]
    try context.require(input, rank: Axes.count + 2, Axes.expected(dataFormat))
    let axes = dataFormat.spatialAxes(of: input)
    let carried = Axes.count == 1 ? context.mask(of: input) : nil
    let given = try context.optional("mask", inputs) ?? carried
    if let mask = tensors.count == 2 ? tensors[1] : given {
      guard mask.shape == [input.shape[0], input.shape[axes[0]]] else {
        throw LayerError.inputs(
          layer: context.path, expected: "a mask for each step of \(input.type)", found: "\(mask.type)")
      }
      try context.requireFloatingPoint(input)
      let x = try input.atLeastFloat32()
      let weights = try mask.cast(to: .bool).cast(to: x.dtype)
        .reshaped(input.shape.indices.map { $0 == 0 || $0 == axes[0] ? input.shape[$0] : 1 })
      let count = try weights.sum(axes: axes, keepDims: keepDims)
      return .tensor(try ((x * weights).sum(axes: axes, keepDims: keepDims) / count).cast(to: input.dtype))
    }
    if input.dtype.isFloatingPoint { return .tensor(try input.mean(axes: axes, keepDims: keepDims)) }
    let mean = try input.cast(to: .float64).mean(axes: axes, keepDims: keepDims)
    let isFloat = input.dtype == .bool || context.dialect == .keras3
    return .tensor(try mean.cast(to: isFloat ? .float32 : input.dtype))
  }
}

/// What ``GlobalMaxPooling1D``, ``GlobalMaxPooling2D`` and ``GlobalMaxPooling3D`` are. Integers pass through, exactly
/// up to 2⁵³; equal largest elements share the gradient.
public struct GlobalMaxPooling<Axes: SpatialAxes>: Layer, Hashable {
  public var dataFormat: DataFormat
  /// Whether the axes that are folded stay, with extent 1.
  public var keepDims: Bool
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "GlobalMaxPooling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    dataFormat: DataFormat = .channelsLast, keepDims: Bool = false, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.dataFormat = dataFormat
    self.keepDims = keepDims
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(input, rank: Axes.count + 2, Axes.expected(dataFormat))
    let x = try input.dtype.isFloatingPoint ? input : input.cast(to: .float64)
    return try x.max(axes: dataFormat.spatialAxes(of: input), keepDims: keepDims).cast(to: input.dtype)
  }
}

extension DataFormat {
  /// The axes of `[batch, …]` that are neither the batch nor the channels.
  func spatialAxes(of x: SymbolicTensor) -> [Int] {
    self == .channelsLast ? Array(1..<x.rank - 1) : Array(2..<x.rank)
  }
}
