import MezzoBackend

/// `eˣ − 1`, exact near 0.
public struct Expm1: UnaryOperation {
  public static let name = "expm1"
  public var lowering: Lowering { .backend(.expm1) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g * context.operands[0].exp()]
  }
}

extension SymbolicTensor {
  /// `e^self − 1`.
  public func expm1() throws(GraphError) -> SymbolicTensor { try apply(Expm1()) }
}
