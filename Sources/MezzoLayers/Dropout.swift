public import MezzoGraph
public import MezzoPolicy

/// In training, sets a fraction `rate` of the elements to 0 and divides the others by `1 − rate`; otherwise does nothing
/// (Srivastava et al., JMLR 15, 2014). The shape stays.
public struct Dropout: Layer, Hashable {
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
    guard (0..<1).contains(rate) else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "a rate of at least 0 and below 1", found: "\(rate)")
    }
    guard context.isTraining, rate > 0 else { return input }
    guard input.dtype.isFloatingPoint else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "floating-point input, which can be scaled", found: input.dtype.name)
    }
    let threshold = try context.trace.constant(rate, dtype: .float32)
    let isKept = try threshold.isLessOrEqual(context.randomUniform(input.shape))
    return try isKept.select(input * (1 / (1 - rate)), context.trace.constant(0, dtype: input.dtype))
  }
}
