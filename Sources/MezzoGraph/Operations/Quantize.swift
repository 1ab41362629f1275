public import MezzoBackend
public import MezzoPolicy

/// Rows brought to int8: `x[…, n] limit[] -> q: int8[…, n] scale[…] zero: int8[…]`, where `x ≈ (q − zero) · scale`.
///
/// Without a limit, which then is 0, the 254 steps from −127 to 127 reach from the least to the largest number of the row and of
/// 0, which `zero` stands for exactly. With one, `scale` is a 127th of the limit and `zero` is 0. `q` is rounded to nearest
/// even. Of a row with a NaN, or without a limit with an infinity, `scale` is NaN. Limit and scale are float32, or float64 beside
/// float64.
public struct Quantize: Operation {
  public static let name = "quantize"
  /// Whether both sides of 0 reach equally far, so that `zero` is 0.
  public var isSymmetric: Bool
  public var lowering: Lowering { .backend(.quantize, [Attribute("symmetric", .int(isSymmetric ? 1 : 0))]) }

  public init(isSymmetric: Bool = false) { self.isSymmetric = isSymmetric }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    try requireFloatingPoint(operands)
    let (x, limit) = (operands[0], operands[1])
    guard x.rank >= 1, limit.rank == 0 else { throw wrongShape("rows […, n] and a limit []", operands) }
    let scale: DType = x.dtype == .float64 ? .float64 : .float32
    guard limit.dtype == scale else { throw wrongDType("a limit of \(scale)", operands) }
    let rows = Array(x.shape.dropLast())
    return [TensorType(.int8, x.shape), TensorType(scale, rows), TensorType(.int8, rows)]
  }
}

/// A product of int8 that is exact, and then scaled by rows and columns: `a[m, k] b[k, n] rows[m] columns[n] zero[m] -> [m, n]`,
/// the sums of `(a − zero) · b`.
///
/// Rows and columns are float32, or float64 for a result in float64. A bias and an activation that follow are done before the one
/// rounding.
public struct QuantizedMatMul: Operation {
  public static let name = "quantized_matmul"
  /// The sum of as many products of int8 always fits into int32.
  public static let largestDepth = 65_793
  /// Of the result.
  public var dtype: DType
  public var lowering: Lowering { .backend(.quantizedMatmul) }

  public init(to dtype: DType) { self.dtype = dtype }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 5)
    let (a, b, rows, columns, zero) = (operands[0], operands[1], operands[2], operands[3], operands[4])
    guard a.dtype == .int8, b.dtype == .int8, zero.dtype == .int8, dtype.isFloatingPoint else {
      throw wrongDType("operands of int8 and a floating-point result", operands)
    }
    let scale: DType = dtype == .float64 ? .float64 : .float32
    guard rows.dtype == scale, columns.dtype == scale else { throw wrongDType("scales of \(scale)", operands) }
    guard a.rank == 2, b.rank == 2, a.shape[1] == b.shape[0], rows.shape == [a.shape[0]], columns.shape == [b.shape[1]],
      zero.shape == rows.shape
    else { throw wrongShape("operands [m, k] and [k, n] with scales [m] and [n] and zeros [m]", operands) }
    guard a.shape[1] <= Self.largestDepth else {
      throw wrongShape("at most \(Self.largestDepth) products in a sum, which else leave int32", operands)
    }
    return [TensorType(dtype, [a.shape[0], b.shape[1]])]
  }
}

extension SymbolicTensor {
  /// Its rows in int8, what their elements are multiplied with to give them back, and what stands for 0; see ``Quantize``.
  ///
  /// - Parameter limit: what becomes 127; by default each row has a range of its own.
  public func quantized(
    limit: SymbolicTensor? = nil, isSymmetric: Bool = false
  ) throws(GraphError) -> (values: SymbolicTensor, scale: SymbolicTensor, zero: SymbolicTensor) {
    let zero = try trace.constant(0, dtype: dtype == .float64 ? .float64 : .float32)
    let results = try trace.apply(Quantize(isSymmetric: isSymmetric), [self, limit ?? zero])
    return (results[0], results[1], results[2])
  }

  /// See ``QuantizedMatMul``.
  public func quantizedMatmul(
    _ other: SymbolicTensor, rows: SymbolicTensor, columns: SymbolicTensor, zero: SymbolicTensor, to dtype: DType
  ) throws(GraphError) -> SymbolicTensor {
    try trace.apply(QuantizedMatMul(to: dtype), [self, other, rows, columns, zero])[0]
  }
}
