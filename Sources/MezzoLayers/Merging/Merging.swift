import MezzoGraph
public import MezzoPolicy

/// Merges two or more tensors element by element. Shapes broadcast as in NumPy; a tensor of lower rank gets axes of
/// extent 1 behind its batch. Floating-point inputs come in the compute dtype; inputs that are not must all have one
/// dtype.
protocol MergingLayer: Layer {
  /// How many tensors it takes at most.
  static var limit: Int { get }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor
}

extension MergingLayer {
  static var limit: Int { .max }

  /// - Throws: `LayerError` for fewer than two tensors, and `GraphError` where they do not fit each other.
  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let tensors = try context.tensors(inputs, count: 2...Self.limit)
    let rank = tensors.map(\.rank).max() ?? 0
    let output = try merge(
      try tensors.map { tensor in
        guard tensor.rank < rank, tensor.rank > 0 else { return tensor }
        let added = [Int](repeating: 1, count: rank - tensor.rank)
        return try tensor.reshaped(tensor.shape[..<1] + added + tensor.shape[1...])
      }, context)
    context.setMask(try context.mergedMask(of: tensors), of: output)
    return .tensor(output)
  }
}

/// The sum of two or more tensors.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
/// let sum = try Model(Add())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
/// ```
public struct Add: MergingLayer, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor {
    try tensors.dropFirst().reduce(tensors[0]) { try $0 + $1 }
  }
}

/// The first of two tensors less the second.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
/// let difference = try Model(Subtract())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
/// ```
public struct Subtract: MergingLayer, Hashable {
  static let limit = 2
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor {
    try tensors[0] - tensors[1]
  }
}

/// The product of two or more tensors, element by element.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 1])))
/// let gated = try Model(Multiply())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
/// ```
public struct Multiply: MergingLayer, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor {
    // Of booleans the product is whether all are true.
    guard tensors[0].dtype == .bool else { return try tensors.dropFirst().reduce(tensors[0]) { try $0 * $1 } }
    return try tensors.dropFirst().reduce(tensors[0]) { try $0.and($1) }
  }
}

/// The mean of two or more tensors, element by element, summed in at least float32. The mean of integers is float64, as
/// in Keras.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
/// let mean = try Model(Average())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
/// ```
public struct Average: MergingLayer, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor {
    let isFloating = tensors[0].dtype.isFloatingPoint
    let wide = try tensors.map { try isFloating ? $0.atLeastFloat32() : $0.cast(to: .float64) }
    let mean = try wide.dropFirst().reduce(wide[0]) { try $0 + $1 } / Double(tensors.count)
    return try isFloating ? mean.cast(to: tensors[0].dtype) : mean
  }
}

/// The largest of two or more tensors, element by element; NaN where one is.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
/// let largest = try Model(Maximum())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
/// ```
public struct Maximum: MergingLayer, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor {
    try tensors.dropFirst().reduce(tensors[0]) { try $0.maximum($1) }
  }
}

/// The smallest of two or more tensors, element by element; NaN where one is.
///
/// ```swift
/// let (x, y) = try (Tensor(zeros: TensorType(.float32, [3, 5])), Tensor(zeros: TensorType(.float32, [3, 5])))
/// let smallest = try Model(Minimum())(Arguments(.tensor(x), .tensor(y))).tensor  // float32[3, 5]
/// ```
public struct Minimum: MergingLayer, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  func merge(_ tensors: [SymbolicTensor], _ context: LayerContext) throws -> SymbolicTensor {
    try tensors.dropFirst().reduce(tensors[0]) { try $0.minimum($1) }
  }
}
