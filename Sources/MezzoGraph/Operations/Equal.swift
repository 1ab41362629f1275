import MezzoBackend

/// Whether two elements are equal; NaN equals nothing.
public struct Equal: ComparisonOperation {
  public static let name = "equal"
  public var lowering: Lowering { .backend(.equal) }
}

extension SymbolicTensor {
  /// `bool`, with the broadcast shape of both.
  public func isEqual(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try Self.broadcast(self, other, for: Equal.name)
    return try left.apply(Equal(), right)
  }
}
