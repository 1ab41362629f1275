import MezzoBackend
public import MezzoPolicy

/// The elements rounded once to another dtype; floats become integers by truncation, saturating.
///
/// Not public: `Cast` is the layer, and here it is `cast(to:)`.
struct Cast: Operation {
  public static let name = "cast"
  public var dtype: DType

  public init(to dtype: DType) { self.dtype = dtype }

  public var lowering: Lowering { .backend(.cast) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    return [TensorType(dtype, operands[0].shape)]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let source = context.operands[0].dtype
    guard source.isFloatingPoint, dtype.isFloatingPoint else { return [nil] }
    return [try context.only().cast(to: source)]
  }
}

extension SymbolicTensor {
  public func cast(to dtype: DType) throws(GraphError) -> SymbolicTensor {
    dtype == self.dtype ? self : try apply(Cast(to: dtype))
  }

  /// For arithmetic that must not be done in 16 bits, whatever the policy.
  public func atLeastFloat32() throws(GraphError) -> SymbolicTensor {
    try cast(to: dtype == .float64 ? .float64 : .float32)
  }
}
