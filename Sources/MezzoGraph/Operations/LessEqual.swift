import MezzoBackend

/// Whether an element is at most the other; false with NaN.
public struct LessEqual: ComparisonOperation {
  public static let name = "less_equal"
  public var lowering: Lowering { .backend(.lessEqual) }
}

extension SymbolicTensor {
  /// `bool`, with the broadcast shape of both.
  public func isLessOrEqual(_ other: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (left, right) = try Self.broadcast(self, other, for: LessEqual.name)
    return try left.apply(LessEqual(), right)
  }
}
