public import MezzoGraph
public import MezzoPolicy

/// An activation as a layer of its own; the shape stays. Floating-point input comes in the compute dtype; `linear` lets
/// everything through, and `relu` integers.
///
/// ```swift
/// let layers = Sequential {
///   Dense(64)
///   Activation(.mish)
/// }
/// let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 64]
/// ```
public struct Activation: MaskPassing, Hashable {
  public var function: ActivationFunction
  public var name: String?
  public let policy: DTypePolicy

  public init(_ function: ActivationFunction, name: String? = nil, policy: DTypePolicy? = nil) {
    self.function = function
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try function(input, dialect: context.dialect)
  }
}
