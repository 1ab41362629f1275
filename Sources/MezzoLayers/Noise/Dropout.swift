public import MezzoGraph
public import MezzoPolicy

/// In training, sets a fraction `rate` of the elements to 0 and divides the others by `1 − rate`; otherwise does
/// nothing (Srivastava et al., JMLR 15, 2014). The shape stays; what is kept is in the compute dtype.
///
/// ```swift
/// let regularized = Dropout(0.5)
/// let output = try Model(regularized)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct Dropout: MaskPassing, Hashable {
  /// 0 ≤ rate < 1
  public var rate: Double
  public var name: String?
  public let policy: DTypePolicy

  public init(_ rate: Double, name: String? = nil, policy: DTypePolicy? = nil) {
    self.rate = rate
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard let rate = try context.rate(rate, input) else { return input }
    let isKept = try context.isKept(input.shape, rate: rate)
    return try isKept.select(input * (1 / (1 - rate)), context.trace.constant(0, dtype: input.dtype))
  }
}
