import MezzoBackend

/// The square root.
public struct Sqrt: UnaryOperation {
  public static let name = "sqrt"
  public var lowering: Lowering { .backend(.sqrt) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g / (context.results[0] * 2)]
  }
}

extension SymbolicTensor {
  public func sqrt() throws(GraphError) -> SymbolicTensor { try apply(Sqrt()) }
}
