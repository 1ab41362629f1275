import MezzoBackend

/// The natural logarithm.
public struct Log: UnaryOperation {
  public static let name = "log"
  public var lowering: Lowering { .backend(.log) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let g = try context.only()
    return [try g / context.operands[0]]
  }
}

extension SymbolicTensor {
  public func log() throws(GraphError) -> SymbolicTensor { try apply(Log()) }
}
