import MezzoBackend

/// `log(1 + x)`, exact near 0.
public struct Log1p: UnaryOperation {
  public static let name = "log1p"
  public var lowering: Lowering { .backend(.log1p) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g / (context.operands[0] + 1)]
  }
}

extension SymbolicTensor {
  /// `log(1 + self)`.
  public func log1p() throws(GraphError) -> SymbolicTensor { try apply(Log1p()) }
}
