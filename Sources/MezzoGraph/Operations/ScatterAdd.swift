public import MezzoBackend
import MezzoPolicy

/// For each row of a new table the sum of those rows whose index names it: `[…, d…] int[…] -> [n, d…]`, summed in at
/// least float32 and rounded once. An index outside 0 ..< n names none; a row that none names is 0.
public struct ScatterAdd: Operation {
  public static let name = "scatter_add"
  /// The rows of the table.
  public var rows: Int

  public init(rows: Int) { self.rows = rows }

  public var lowering: Lowering { .backend(.scatterAdd) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 2)
    let (values, indices) = (operands[0], operands[1])
    try requireFloatingPoint([values])
    guard indices.dtype == .int32 || indices.dtype == .int64 else {
      throw wrongDType("int32 or int64 indices", operands)
    }
    guard values.shape.starts(with: indices.shape) else {
      throw wrongShape("values […, d…] and indices […]", operands)
    }
    guard rows > 0 else {
      throw GraphError(.attribute(operation: Self.name, expected: "at least one row", found: "\(rows)"))
    }
    return [TensorType(values.dtype, [rows] + values.shape.dropFirst(indices.rank))]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let (values, indices) = (context.operands[0], context.operands[1])
    let g = try context.only().gather(indices)
    // What no row took has no part in the result, where gather has NaN.
    let trace = indices.trace
    let isInside = try trace.constant(0, dtype: indices.dtype).isLessOrEqual(indices)
      .and(indices.isLess(trace.constant(Double(rows), dtype: indices.dtype)))
    let added = [Int](repeating: 1, count: values.rank - indices.rank)
    return [try isInside.reshaped(indices.shape + added).select(g, trace.constant(0, dtype: g.dtype)), nil]
  }
}

extension SymbolicTensor {
  /// `self` are the rows to add up, in a table of `rows`.
  public func scatterAdd(_ indices: SymbolicTensor, rows: Int) throws(GraphError) -> SymbolicTensor {
    try apply(ScatterAdd(rows: rows), indices)
  }
}
