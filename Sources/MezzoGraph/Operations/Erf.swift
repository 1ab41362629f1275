import MezzoBackend

/// The error function.
public struct Erf: UnaryOperation {
  public static let name = "erf"
  public var lowering: Lowering { .backend(.erf) }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (x, g) = (try context.operands[0].atLeastFloat32(), try context.only())
    let twoOverRootPi = 1.128_379_167_095_512_6
    return [try g * ((x * x).negated().exp() * twoOverRootPi).cast(to: g.dtype)]
  }
}

extension SymbolicTensor {
  public func erf() throws(GraphError) -> SymbolicTensor { try apply(Erf()) }
}
