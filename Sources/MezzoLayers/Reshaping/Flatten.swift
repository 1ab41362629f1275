public import MezzoGraph
public import MezzoPolicy

/// All axes but the batch made one: `[batch, …] -> [batch, features]`. Integers pass through.
///
/// ```swift
/// let vectors = Flatten()
/// let output = try Model(vectors)(Tensor(zeros: TensorType(.float32, [2, 28, 28])))  // float32[2, 784]
/// ```
public struct Flatten: Layer, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard let batch = input.shape.first else {
      throw LayerError.inputShape(layer: context.path, expected: "[batch, …]", found: input.shape)
    }
    return try input.reshaped([batch, input.shape.dropFirst().reduce(1, *)])
  }
}
