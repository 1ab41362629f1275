public import MezzoGraph
public import MezzoPolicy

/// An activation by its Keras name. Whatever is more than one operation is computed in at least float32, whatever the
/// policy, and rounded once.
public enum ActivationFunction: String, Codable, Sendable, Hashable, CaseIterable {
  case linear, relu, relu6
  /// With a slope of 0.2 below 0.
  case leakyReLU = "leaky_relu"
  case elu, selu, celu, gelu
  /// The tanh form.
  case approximateGELU = "gelu_approximate"
  case silu, mish, softplus, softsign, sigmoid
  case logSigmoid = "log_sigmoid"
  /// `clip(0.2 x + 0.5, 0, 1)`, and in Keras 3's dialect `clip(x ∕ 6 + 0.5, 0, 1)`.
  case hardSigmoid = "hard_sigmoid"
  /// `x · hard_sigmoid(x)`, with `clip(x ∕ 6 + 0.5, 0, 1)` for the hard sigmoid.
  case hardSilu = "hard_silu"
  /// `clip(x, −1, 1)`
  case hardTanh = "hard_tanh"
  /// `x` where `|x| > ½`, else 0
  case hardShrink = "hard_shrink"
  /// `x` brought nearer to 0 by ½, and 0 within
  case softShrink = "soft_shrink"
  /// `(x + √(x² + 4)) ∕ 2`
  case squareplus
  /// `(x + 1)² ∕ 4` between −1 and 1, 0 below and `x` above
  case sparsePlus = "sparse_plus"
  /// `clip((x + 1) ∕ 2, 0, 1)`
  case sparseSigmoid = "sparse_sigmoid"
  case tanh
  /// `x − tanh(x)`
  case tanhShrink = "tanh_shrink"
  case exponential
  /// `a · sigmoid(b)` of the halves of the last axis, which the result has half of (Dauphin et al., ICML 2017).
  case glu
  case softmax
  case logSoftmax = "log_softmax"
  /// The nearest point to the last axis among all distributions, mostly zeros (Martins and Astudillo, ICML 2016). Takes the
  /// square of the axis in memory. Sums to 1, unlike that of Keras 3.15, which subtracts another threshold.
  case sparsemax

  /// - Parameter dialect: whose hard sigmoid is meant; by default that of the current ``PolicyEnvironment``.
  /// - Throws: `GraphError` for what is not floating-point, but for `linear` and the `relu` of integers, and where `glu` or
  ///   `sparsemax` have no axis, or no halves of it.
  public func callAsFunction(
    _ x: SymbolicTensor, dialect: PolicyDialect = PolicyEnvironment.current.dialect
  ) throws -> SymbolicTensor {
    switch self {
    case .linear: return x
    case .relu where x.dtype.isInteger: return try x.maximum(x.trace.constant(0, dtype: x.dtype))
    case .relu: return try x.relu()
    case .gelu: return try x.gelu()
    case .approximateGELU: return try x.gelu(approximate: true)
    case .softplus: return try x.softplus()
    case .sigmoid: return try x.sigmoid()
    case .tanh: return try x.tanh()
    case .exponential: return try x.exp()
    case .softmax: return try x.softmax()
    case .logSoftmax: return try x.logSoftmax()
    default:
      guard x.dtype.isFloatingPoint else {
        throw GraphError(.dtype(operation: rawValue, expected: "a floating-point operand", found: [x.type]))
      }
      return try composed(x.atLeastFloat32(), dialect).cast(to: x.dtype)
    }
  }

  private func composed(_ x: SymbolicTensor, _ dialect: PolicyDialect) throws -> SymbolicTensor {
    switch self {
    case .relu6: try x.relu().clipped(0, 6)
    case .leakyReLU: try x.relu() + x.negativePart() * 0.2
    case .elu, .celu: try x.relu() + x.negativePart().expm1()
    case .selu: try x.relu() * Self.seluScale + x.negativePart().expm1() * (Self.seluScale * Self.seluAlpha)
    case .silu: try x * x.sigmoid()
    case .mish: try x * x.softplus().tanh()
    case .softsign: try x / (x.abs() + 1)
    case .logSigmoid: try x.negated().softplus().negated()
    case .hardSigmoid: try (dialect == .keras3 ? x / 6 + 0.5 : x * 0.2 + 0.5).clipped(0, 1)
    case .hardSilu: try x * (x / 6 + 0.5).clipped(0, 1)
    case .hardTanh: try x.clipped(-1, 1)
    case .tanhShrink: try x - x.tanh()
    case .hardShrink:
      try x.trace.constant(0.5, dtype: x.dtype).isLess(x.abs()).select(x, x.trace.constant(0, dtype: x.dtype))
    case .softShrink: try (x - 0.5).relu() - (x.negated() - 0.5).relu()
    case .squareplus: try (x + (x * x + 4).sqrt()) / 2
    case .sparsePlus: try Self.square((x + 1).clipped(0, 2)) / 4 + (x - 1).relu()
    case .sparseSigmoid: try ((x + 1) / 2).clipped(0, 1)
    case .glu: try Self.gated(x)
    case .sparsemax: try Self.sparsemax(x)
    default: x
    }
  }

  private static func gated(_ x: SymbolicTensor) throws -> SymbolicTensor {
    guard let width = x.shape.last, width % 2 == 0 else {
      throw GraphError(.shape(operation: "glu", expected: "a last axis of two halves", found: [x.type]))
    }
    let halves = try x.split(axis: x.rank - 1, into: 2)
    return try halves[0] * halves[1].sigmoid()
  }

  private static func sparsemax(_ x: SymbolicTensor) throws -> SymbolicTensor {
    guard let width = x.shape.last else {
      throw GraphError(.shape(operation: "sparsemax", expected: "an axis", found: [x.type]))
    }
    guard width > 0 else { return x }
    let axis = x.rank - 1
    // What all of them have in common changes nothing but how large the sums are.
    let z = try x - x.max(axes: [axis], keepDims: true)
    // Without an order: an element is in the support if what is above it stays below 1 in all.
    let leading = Array(z.shape.dropLast())
    let above = try (z.reshaped(leading + [1, width]) - z.reshaped(leading + [width, 1])).relu().sum(axes: [axis + 1])
    let support = try above.isLess(x.trace.constant(1, dtype: x.dtype)).cast(to: x.dtype)
    let count = try support.sum(axes: [axis], keepDims: true)
    return try (z - ((z * support).sum(axes: [axis], keepDims: true) - 1) / count).relu()
  }

  private static func square(_ x: SymbolicTensor) throws -> SymbolicTensor { try x * x }

  /// The constants of Klambauer et al., *Self-Normalizing Neural Networks* (NIPS 2017).
  private static let seluScale = 1.050_700_987_355_480_5
  private static let seluAlpha = 1.673_263_242_354_377_2
}

extension SymbolicTensor {
  /// `min(x, 0)`
  func negativePart() throws(GraphError) -> SymbolicTensor { try minimum(trace.constant(0, dtype: dtype)) }

  /// Not below `low` and not above `high`.
  func clipped(_ low: Double, _ high: Double) throws(GraphError) -> SymbolicTensor {
    try maximum(trace.constant(low, dtype: dtype)).minimum(trace.constant(high, dtype: dtype))
  }
}
