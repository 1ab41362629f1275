public import MezzoGraph
public import MezzoPolicy

/// `eˣ ∕ Σ eˣ` along an axis; the shape stays.
///
/// Computed in at least float32 whatever the policy, shifted by the maximum so that nothing overflows, and rounded once to
/// the compute dtype.
public struct Softmax: Layer, Hashable {
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

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try input.softmax(axis: context.axis(axis, of: input))
  }
}
