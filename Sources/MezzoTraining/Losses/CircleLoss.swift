import MezzoBackend
import MezzoGraph
import MezzoPolicy

extension LossFunction {
  /// How far embeddings `[batch, dim]`, of length 1, of one label are apart and those of others near, each pair weighted by how
  /// wrong it is (Sun et al., CVPR 2020): a value for each example, and whether it counts, which it does where it is above 0.
  static func circle(
    _ output: SymbolicTensor, _ target: SymbolicTensor, gamma: Double, margin: Double, removeDiagonal: Bool
  ) throws -> LossTerms {
    let count = target.shape.reduce(1, *)
    guard output.rank == 2, count == output.shape[0] else {
      throw GraphError(
        .shape(
          operation: "Circle", expected: "embeddings [batch, dim] and labels [batch]",
          found: [output.type, target.type]
        ), layer: "loss")
    }
    let trace = output.trace
    func constant(_ number: Double) throws -> SymbolicTensor { try trace.constant(number, dtype: output.dtype) }
    let labels = try target.cast(to: .int32)
    let isSame = try labels.reshaped([count, 1]).isEqual(labels.reshaped([1, count]))
    var isPositive = isSame
    if removeDiagonal {
      // Rows of one more than there are: cut to a square, the ones in front come to the diagonal.
      let (yes, no) = (try trace.constant(1, dtype: .bool), try trace.constant(0, dtype: .bool))
      let rows = try SymbolicTensor.concatenate(
        [yes.broadcast(to: [count, 1]), no.broadcast(to: [count, count])], axis: 1)
      let isOwn = try rows.reshaped([count * (count + 1)]).sliced(axis: 0, 0..<count * count).reshaped([count, count])
      isPositive = try isOwn.select(no, isSame)
    }
    let distance = try (1 - output.matmul(output.transposed([1, 0]))).maximum(constant(0))
    let never = try constant(-1e30)
    let near = try (margin + distance) * (distance - margin) * gamma
    let far = try (1 + margin - distance).maximum(constant(0)) * (1 - margin - distance) * gamma
    let positive = try logSum(isPositive.select(near, never))
    let negative = try logSum(isSame.select(never, far))
    let values = try (positive + negative).softplus()
    return .chosen(values, where: try constant(0).isLess(values))
  }
}
