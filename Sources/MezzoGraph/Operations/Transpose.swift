public import MezzoBackend

/// The axes in another order: result axis `i` is operand axis `permutation[i]`.
public struct Transpose: Operation {
  public static let name = "transpose"
  public var permutation: [Int]

  public init(_ permutation: [Int]) { self.permutation = permutation }

  public var lowering: Lowering { .view(.transpose(permutation)) }

  public func resultTypes(_ operands: [TensorType]) throws(GraphError) -> [TensorType] {
    try requireCount(operands, 1)
    guard permutation.sorted() == Array(0..<operands[0].rank) else {
      throw wrongShape("an operand whose rank fits the permutation \(permutation)", operands)
    }
    return [TensorType(operands[0].dtype, permutation.map { operands[0].shape[$0] })]
  }

  public func gradient(_ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    let inverse = permutation.indices.sorted { permutation[$0] < permutation[$1] }
    return [try context.only().transposed(inverse)]
  }
}

extension SymbolicTensor {
  public func transposed(_ permutation: [Int]) throws(GraphError) -> SymbolicTensor {
    try apply(Transpose(permutation))
  }

  /// The last two axes exchanged.
  public func transposed() throws(GraphError) -> SymbolicTensor {
    guard rank >= 2 else { return self }
    return try transposed(Array(0..<rank - 2) + [rank - 1, rank - 2])
  }
}
