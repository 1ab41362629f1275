import MezzoBackend

/// `1 ∕ (1 + e⁻ˣ)`.
public struct Sigmoid: UnaryOperation {
  public static let name = "sigmoid"
  public var lowering: Lowering { .backend(.sigmoid) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g * context.results[0] * (1 - context.results[0])]
  }
}

extension SymbolicTensor {
  public func sigmoid() throws(GraphError) -> SymbolicTensor { try apply(Sigmoid()) }
}
