import MezzoBackend

/// `eˣ`.
public struct Exp: UnaryOperation {
  public static let name = "exp"
  public var lowering: Lowering { .backend(.exp) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g * context.results[0]]
  }
}

extension SymbolicTensor {
  public func exp() throws(GraphError) -> SymbolicTensor { try apply(Exp()) }
}
