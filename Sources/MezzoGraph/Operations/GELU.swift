import MezzoBackend

/// `x · Φ(x)` with the error function, or its tanh approximation (Hendrycks and Gimpel, arXiv 1606.08415).
public struct GELU: UnaryOperation {
  public static let name = "gelu"
  public var approximate: Bool

  public init(approximate: Bool = false) { self.approximate = approximate }

  public var lowering: Lowering {
    .backend(.gelu, [Attribute("approximate", .int(approximate ? 1 : 0))])
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    [try context.only().apply(GELUGradient(approximate: approximate), context.operands[0])]
  }
}

/// The gradient by the operand of a ``GELU``: `dy[…] x[…] -> […]`, `dy` times the slope at `x`.
public struct GELUGradient: FloatingBinaryOperation {
  public static let name = "gelu_gradient"
  public var approximate: Bool

  public init(approximate: Bool = false) { self.approximate = approximate }

  public var lowering: Lowering {
    .backend(.geluGradient, [Attribute("approximate", .int(approximate ? 1 : 0))])
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    try context.gradient { operands throws(GraphError) in
      [try operands[0] * (approximate ? approximateSlope(operands[1]) : exactSlope(operands[1]))]
    }
  }

  /// `Φ(x) + x φ(x)`
  private func exactSlope(_ x: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let distribution = try (((x * 0.5.squareRoot()).erf()) + 1) * 0.5
    let density = try (x * x * -0.5).exp() * 0.398_942_280_401_432_7
    return try distribution + x * density
  }

  private func approximateSlope(_ x: SymbolicTensor) throws(GraphError) -> SymbolicTensor {
    let (rootTwoOverPi, cubic) = (0.797_884_560_802_865_4, 0.044_715)
    let square = try x * x
    let t = try ((x + x * square * cubic) * rootTwoOverPi).tanh()
    let inner = try (square * (3 * cubic) + 1) * rootTwoOverPi
    return try (t + 1) * 0.5 + x * (1 - t * t) * inner * 0.5
  }
}

extension SymbolicTensor {
  public func gelu(approximate: Bool = false) throws(GraphError) -> SymbolicTensor {
    try apply(GELU(approximate: approximate))
  }
}
