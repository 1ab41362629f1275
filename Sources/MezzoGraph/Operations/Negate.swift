import MezzoBackend

/// `−x`.
public struct Negate: UnaryOperation {
  public static let name = "negate"
  public var lowering: Lowering { .backend(.negate) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g.negated()]
  }
}

extension SymbolicTensor {
  public func negated() throws(GraphError) -> SymbolicTensor { try apply(Negate()) }
}
