import MezzoBackend

/// Whether an element is less than the other; false with NaN.
public struct Less: ComparisonOperation {
  public static let name = "less"
  public var lowering: Lowering { .backend(.less) }
}

extension SymbolicTensor {
  /// `bool`, with the broadcast shape of both.
  public func isLess(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try Self.broadcast(self, other, for: Less.name)
    return try left.apply(Less(), right)
  }
}
