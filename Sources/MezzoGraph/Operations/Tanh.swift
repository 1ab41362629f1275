import MezzoBackend

/// The hyperbolic tangent.
public struct Tanh: UnaryOperation {
  public static let name = "tanh"
  public var lowering: Lowering { .backend(.tanh) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g * (1 - context.results[0] * context.results[0])]
  }
}

extension SymbolicTensor {
  public func tanh() throws(GraphError) -> SymbolicTensor { try apply(Tanh()) }
}
