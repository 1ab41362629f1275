import MezzoBackend

/// `log(1 + eˣ)`, which neither overflows nor cancels.
public struct Softplus: UnaryOperation {
  public static let name = "softplus"
  public var lowering: Lowering { .backend(.softplus) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g * context.operands[0].sigmoid()]
  }
}

extension SymbolicTensor {
  /// `log(1 + e^self)`.
  public func softplus() throws(GraphError) -> SymbolicTensor { try apply(Softplus()) }
}
