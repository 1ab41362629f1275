public import MezzoGraph
public import MezzoPolicy

/// The elements of each example under another shape: `[batch, …] -> [batch] + targetShape`. Any dtype passes through.
///
/// ```swift
/// let images = Reshape([28, 28, 1])
/// let output = try Model(images)(Tensor(zeros: TensorType(.float32, [2, 784])))  // float32[2, 28, 28, 1]
/// ```
public struct Reshape: Layer, Hashable {
  /// Without the batch; one extent may be −1, which is then what is left.
  public var targetShape: [Int]
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ targetShape: [Int], name: String? = nil, policy: DTypePolicy? = nil) {
    self.targetShape = targetShape
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let known = targetShape.filter { $0 != -1 }
    try context.require(
      known.count >= targetShape.count - 1 && known.allSatisfy { $0 >= 0 && $0 < 1 << 31 } && known.count < 16,
      "extents of at least 0, one of which may be −1", targetShape)
    let count = input.shape.dropFirst().reduce(1, *)
    let product = known.reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    let rest = known.count == targetShape.count || product == 0 ? 0 : count / product
    let shape = targetShape.map { $0 == -1 ? rest : $0 }
    guard input.rank >= 1, product != 0 || count == 0, shape.reduce(1, &*) == count else {
      throw LayerError.inputShape(
        layer: context.path, expected: "[batch, …] of as many elements as \(targetShape) has", found: input.shape)
    }
    return try input.reshaped([input.shape[0]] + shape)
  }
}

/// The axes of each example in another order, counted from 1 behind the batch. Any dtype passes through.
///
/// ```swift
/// let channelsFirst = Permute([3, 1, 2])
/// let output = try Model(channelsFirst)(Tensor(zeros: TensorType(.float32, [2, 8, 6, 3])))  // float32[2, 3, 8, 6]
/// ```
public struct Permute: Layer, Hashable {
  /// Result axis i + 1 is the input's axis `dims[i]`.
  public var dims: [Int]
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ dims: [Int], name: String? = nil, policy: DTypePolicy? = nil) {
    self.dims = dims
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(dims.sorted() == Array(1..<dims.count + 1), "every axis from 1 on once", dims)
    try context.require(input, rank: dims.count + 1, "[batch, …] of rank \(dims.count + 1)")
    return try input.transposed([0] + dims)
  }
}

/// Each example repeated along a new axis: `[batch, features] -> [batch, n, features]`. Any dtype passes through.
///
/// ```swift
/// let steps = RepeatVector(10)
/// let output = try Model(steps)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 10, 8]
/// ```
public struct RepeatVector: Layer, Hashable {
  public var n: Int
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ n: Int, name: String? = nil, policy: DTypePolicy? = nil) {
    self.n = n
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(n >= 0 && n < 1 << 31, "a number of at least 0", n)
    try context.require(input, rank: 2, "[batch, features]")
    return try input.reshaped([input.shape[0], 1, input.shape[1]]).broadcast(to: [input.shape[0], n, input.shape[1]])
  }
}

/// Steps whose features all equal a value become 0: `[batch, steps, features]`, the shape stays. Any dtype with an
/// order passes through.
///
/// Layers behind this one leave those steps out: the output carries the mask that ``mask(_:maskValue:)`` makes.
///
/// ```swift
/// let padded = Masking(maskValue: -1)
/// let layers = Sequential([padded, LSTM(16)])
/// let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 10, 8])))  // float32[2, 16]
/// ```
public struct Masking: Layer, Hashable {
  public var maskValue: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(maskValue: Double = 0, name: String? = nil, policy: DTypePolicy? = nil) {
    self.maskValue = maskValue
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard input.rank >= 2 else {
      throw LayerError.inputShape(layer: context.path, expected: "[batch, steps, features]", found: input.shape)
    }
    // Keras 3 multiplies with the mask, which makes int32 of booleans.
    let x = try input.dtype == .bool ? input.cast(to: .int32) : input
    let mask = try Self.mask(x, maskValue: maskValue)
    let output = try mask.reshaped(mask.shape + [1]).select(x, x.trace.constant(0, dtype: x.dtype))
    context.setMask(mask, of: output)
    return output
  }

  /// Whether any feature of a step is another than the value: `[batch, steps, features] -> bool[batch, steps]`.
  public static func mask(_ x: SymbolicTensor, maskValue: Double = 0) throws -> SymbolicTensor {
    let equals = try x.isEqual(x.trace.constant(maskValue, dtype: x.dtype)).cast(to: .float32)
    let others = try (1 - equals).sum(axes: [-1])
    return try x.trace.constant(0, dtype: .float32).isLess(others)
  }
}
