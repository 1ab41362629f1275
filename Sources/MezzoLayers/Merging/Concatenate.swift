import MezzoGraph
public import MezzoPolicy

/// Tensors one behind the other along an axis, of any dtype: `[batch, …, n] [batch, …, m] -> [batch, …, n + m]`.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 2])))
/// let both = try Model(Concatenate())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 7]
/// ```
public struct Concatenate: Layer, Hashable {
  /// Counts from the end if negative.
  public var axis: Int
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(axis: Int = -1, name: String? = nil, policy: DTypePolicy? = nil) {
    self.axis = axis
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let tensors = try context.tensors(inputs, count: 1...Int.max)
    let axis = try context.axis(axis, of: tensors[0])
    let output = try SymbolicTensor.concatenate(tensors, axis: axis)
    context.setMask(try context.concatenatedMask(of: tensors, axis: axis), of: output)
    return .tensor(output)
  }
}

/// The products of two tensors summed along an axis of each: `[batch, …] [batch, …] -> [batch, …, …]`, in at least
/// float32.
///
/// What is left of the first's axes comes before what is left of the second's; of nothing is left, an axis of extent 1
/// stays. With `normalize`, both are brought to length 1 along their axes first, which gives the cosine of the angle.
/// Integers are multiplied as float64, exact up to 2⁵³.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
/// let cosine = Dot(axes: [1], normalize: true)
/// let output = try Model(cosine)(Arguments(.array([.tensor(x), .tensor(y)]))).tensor  // float32[3, 1]
/// ```
public struct Dot: Layer, Hashable {
  /// One axis for both, or one for each; negative ones count from the end.
  public var axes: [Int]
  public var normalize: Bool
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(axes: [Int], normalize: Bool = false, name: String? = nil, policy: DTypePolicy? = nil) {
    self.axes = axes
    self.normalize = normalize
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let tensors = try context.tensors(inputs, count: 2...2)
    try context.require((1...2).contains(axes.count), "one axis or two", axes)
    let (x, y) = (tensors[0], tensors[1])
    let dtype = x.dtype
    let along = [try context.axis(axes[0], of: x), try context.axis(axes[axes.count - 1], of: y)]
    guard along.allSatisfy({ $0 > 0 }), x.shape[0] == y.shape[0], x.shape[along[0]] == y.shape[along[1]] else {
      throw LayerError.inputs(
        layer: context.path,
        expected: "one batch, and the same extent along the axes \(axes), which are not the batch's",
        found: "\(x.type) and \(y.type)")
    }
    func rows(_ tensor: SymbolicTensor, _ axis: Int) throws -> (matrix: SymbolicTensor, rest: [Int]) {
      var wide = try tensor.dtype.isFloatingPoint ? tensor : tensor.cast(to: .float64)
      if normalize { wide = try wide.normalized(axes: [axis], epsilon: 1e-12) }
      let others = (1..<tensor.rank).filter { $0 != axis }
      let rest = others.map { tensor.shape[$0] }
      let matrix = try wide.transposed([0] + others + [axis])
        .reshaped([tensor.shape[0], rest.reduce(1, *), tensor.shape[axis]])
      return (matrix, rest)
    }
    let (left, right) = (try rows(x, along[0]), try rows(y, along[1]))
    let rest = left.rest + right.rest
    let product = try left.matrix.matmul(right.matrix.transposed())
    return .tensor(try product.reshaped([x.shape[0]] + (rest.isEmpty ? [1] : rest)).cast(to: dtype))
  }
}

extension SymbolicTensor {
  /// `x ∕ √max(Σ x², epsilon)` along `axes`, in at least float32.
  func normalized(axes: [Int], epsilon: Double) throws -> SymbolicTensor {
    let x = try atLeastFloat32()
    let square = try (x * x).sum(axes: axes, keepDims: true)
    return try (x / square.maximum(trace.constant(epsilon, dtype: x.dtype)).sqrt()).cast(to: dtype)
  }
}
