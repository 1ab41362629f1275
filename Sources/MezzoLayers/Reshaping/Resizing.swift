public import MezzoGraph
public import MezzoPolicy

/// What is cut off or added before and behind each axis: `1`, `[1, 2]` for one amount an axis, `[[1, 2], [0, 3]]` for
/// two.
public struct Margins: Hashable, Sendable, Codable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral,
  CustomStringConvertible
{
  /// Pairs of what goes before and behind, one an axis, or one for all.
  public var pairs: [[Int]]

  public init(_ pairs: [(before: Int, behind: Int)]) { self.pairs = pairs.map { [$0.before, $0.behind] } }
  public init(integerLiteral value: Int) { pairs = [[value, value]] }
  public init(arrayLiteral elements: Extents...) {
    pairs = elements.map { $0.values.count == 1 ? [$0.values[0], $0.values[0]] : $0.values }
  }

  public var description: String { "\(pairs)" }

  func resolved(_ axes: Int, _ context: LayerContext) throws(LayerError) -> (before: [Int], behind: [Int]) {
    let all = pairs.count == 1 ? Array(repeating: pairs[0], count: axes) : pairs
    try context.require(
      all.count == axes && all.allSatisfy { $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 << 31 } },
      "two amounts of at least 0 for each of \(axes) axes", self)
    return (all.map { $0[0] }, all.map { $0[1] })
  }
}

/// Zeros before and behind a sequence `[batch, steps, channels]`.
///
/// ```swift
/// let padded = ZeroPadding1D(padding: 2)
/// let output = try Model(padded)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 12, 4]
/// ```
public typealias ZeroPadding1D = ZeroPadding<OneAxis>
/// Zeros around an image `[batch, height, width, channels]`.
///
/// ```swift
/// let padded = ZeroPadding2D(padding: [[1, 2], [0, 3]])  // top, bottom; left, right
/// let output = try Model(padded)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 11, 11, 3]
/// ```
public typealias ZeroPadding2D = ZeroPadding<TwoAxes>
/// Zeros around a volume `[batch, depth, height, width, channels]`.
///
/// ```swift
/// let padded = ZeroPadding3D(padding: 1)
/// let output = try Model(padded)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 6, 6, 6, 2]
/// ```
public typealias ZeroPadding3D = ZeroPadding<ThreeAxes>
/// The ends of a sequence `[batch, steps, channels]` cut off.
///
/// ```swift
/// let inner = Cropping1D(cropping: 1)
/// let output = try Model(inner)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 6, 4]
/// ```
public typealias Cropping1D = Cropping<OneAxis>
/// The borders of an image `[batch, height, width, channels]` cut off.
///
/// ```swift
/// let inner = Cropping2D(cropping: [[1, 2], [0, 3]])  // top, bottom; left, right
/// let output = try Model(inner)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 5, 5, 3]
/// ```
public typealias Cropping2D = Cropping<TwoAxes>
/// The borders of a volume `[batch, depth, height, width, channels]` cut off.
///
/// ```swift
/// let inner = Cropping3D(cropping: 1)
/// let output = try Model(inner)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 2, 2, 2, 2]
/// ```
public typealias Cropping3D = Cropping<ThreeAxes>
/// Every step of a sequence repeated: `[batch, steps, channels] -> [batch, steps · size, channels]`.
///
/// ```swift
/// let longer = UpSampling1D(size: 2)
/// let output = try Model(longer)(Tensor(zeros: TensorType(.float32, [2, 8, 4])))  // float32[2, 16, 4]
/// ```
public typealias UpSampling1D = UpSampling<OneAxis>
/// An image made larger: `[batch, height, width, channels] -> [batch, height · size, width · size, channels]`.
///
/// ```swift
/// let larger = UpSampling2D(size: 2, interpolation: .bilinear)
/// let output = try Model(larger)(Tensor(zeros: TensorType(.float32, [2, 8, 8, 3])))  // float32[2, 16, 16, 3]
/// ```
public typealias UpSampling2D = UpSampling<TwoAxes>
/// Every element of a volume repeated: `[batch, depth, height, width, channels] -> [batch, …, channels]`.
///
/// ```swift
/// let larger = UpSampling3D(size: 2)
/// let output = try Model(larger)(Tensor(zeros: TensorType(.float32, [1, 4, 4, 4, 2])))  // float32[1, 8, 8, 8, 2]
/// ```
public typealias UpSampling3D = UpSampling<ThreeAxes>

/// What ``ZeroPadding1D``, ``ZeroPadding2D`` and ``ZeroPadding3D`` are. Any dtype passes through.
public struct ZeroPadding<Axes: SpatialAxes>: Layer, Hashable {
  public var padding: Margins
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "ZeroPadding\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    padding: Margins = 1, dataFormat: DataFormat = .channelsLast, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.padding = padding
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(input, rank: Axes.count + 2, Axes.expected(dataFormat))
    let (before, behind) = try padding.resolved(Axes.count, context)
    return try input.padded(low: dataFormat.around(before), high: dataFormat.around(behind))
  }
}

/// What ``Cropping1D``, ``Cropping2D`` and ``Cropping3D`` are. Any dtype passes through.
public struct Cropping<Axes: SpatialAxes>: Layer, Hashable {
  public var cropping: Margins
  public var dataFormat: DataFormat
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "Cropping\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    cropping: Margins = 1, dataFormat: DataFormat = .channelsLast, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.cropping = cropping
    self.dataFormat = dataFormat
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(input, rank: Axes.count + 2, Axes.expected(dataFormat))
    let (before, behind) = try cropping.resolved(Axes.count, context)
    let (low, high) = (dataFormat.around(before), dataFormat.around(behind))
    guard input.shape.indices.allSatisfy({ low[$0] + high[$0] <= input.shape[$0] }) else {
      throw LayerError.inputShape(
        layer: context.path, expected: "with extents of at least what is cut off, \(cropping)", found: input.shape)
    }
    return try input.padded(low: low.map { -$0 }, high: high.map { -$0 })
  }
}

/// What ``UpSampling1D``, ``UpSampling2D`` and ``UpSampling3D`` are. With `nearest`, any dtype passes through.
/// `bilinear` is for images in floating point: computed in at least float32 from the centres of the elements, and
/// rounded once to the compute dtype.
public struct UpSampling<Axes: SpatialAxes>: Layer, Hashable {
  public enum Interpolation: String, Codable, Sendable, Hashable, CaseIterable {
    case nearest, bilinear
  }

  public var size: Extents
  public var dataFormat: DataFormat
  public var interpolation: Interpolation
  public var name: String?
  public let policy: DTypePolicy

  public static var className: String { "UpSampling\(Axes.count)D" }

  /// - Parameter policy: by default the one in effect here.
  public init(
    size: Extents = 2, dataFormat: DataFormat = .channelsLast, interpolation: Interpolation = .nearest,
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.size = size
    self.dataFormat = dataFormat
    self.interpolation = interpolation
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(input, rank: Axes.count + 2, Axes.expected(dataFormat))
    try context.require(
      interpolation == .nearest || Axes.count == 2, "nearest interpolation, but for images", interpolation.rawValue)
    let size = try size.resolved(Axes.count, "a size", context)
    var x = try dataFormat.channelsLast(input)
    if interpolation == .bilinear {
      x = try input.dtype.isFloatingPoint ? x.atLeastFloat32() : x.cast(to: .float32)
      for axis in size.indices { x = try x.interpolated(axis: axis + 1, by: size[axis]) }
      x = try x.cast(to: input.dtype)
    } else {
      for axis in size.indices where size[axis] > 1 {
        let (before, behind) = (Array(x.shape[...(axis + 1)]), Array(x.shape[(axis + 2)...]))
        x = try x.reshaped(before + [1] + behind).broadcast(to: before + [size[axis]] + behind)
          .reshaped(before.dropLast() + [x.shape[axis + 1] * size[axis]] + behind)
      }
    }
    return try dataFormat.restored(x)
  }
}

extension DataFormat {
  /// Amounts for every axis of `[batch, …, channels]` in this format, 0 for the batch and the channels.
  fileprivate func around(_ amounts: [Int]) -> [Int] { self == .channelsLast ? [0] + amounts + [0] : [0, 0] + amounts }
}

extension SymbolicTensor {
  /// `size` elements for each along `axis`, linearly between the centres of neighbours.
  fileprivate func interpolated(axis: Int, by size: Int) throws -> SymbolicTensor {
    var merged = shape
    merged[axis] *= size
    guard shape[axis] > 0 else { return self }
    let extent = shape[axis]
    let before = try sliced(axis: axis, 0..<1).concatenated(with: sliced(axis: axis, 0..<extent - 1), axis: axis)
    let behind = try sliced(axis: axis, 1..<extent).concatenated(
      with: sliced(axis: axis, extent - 1..<extent), axis: axis)
    let phases = try (0..<size).map { phase in
      let place = (Double(phase) + 0.5) / Double(size) - 0.5
      return try place < 0 ? before * -place + self * (1 + place) : self * (1 - place) + behind * place
    }
    return try SymbolicTensor.stack(phases, axis: axis + 1).reshaped(merged)
  }
}
