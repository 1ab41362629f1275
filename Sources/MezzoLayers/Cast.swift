public import MezzoGraph
public import MezzoPolicy

/// The elements rounded once to another dtype; the shape stays. Floats become integers by truncation, saturating.
///
/// What policies do by themselves, said where it happens: a cast that a model's author wants to be seen.
///
/// ```swift
/// let layers = Sequential {
///   Dense(64, policy: .mixedBFloat16)
///   Cast(to: .float32)
///   Dense(10, policy: .float32)
/// }
/// let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 10]
/// ```
public struct Cast: MaskPassing, Hashable {
  public var dtype: DType
  public var name: String?

  public init(to dtype: DType, name: String? = nil) {
    self.dtype = dtype
    self.name = name
  }

  /// The policy of its dtype, wherever the layer is made.
  public var policy: DTypePolicy { DTypePolicy(dtype) }

  /// Inputs come as they are, so that they are rounded once and not twice.
  public var autocast: Bool { false }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try input.cast(to: dtype)
  }
}
