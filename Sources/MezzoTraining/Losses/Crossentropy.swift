import MezzoGraph
import MezzoPolicy

extension LossFunction {
  static func binary(
    _ output: SymbolicTensor, _ target: SymbolicTensor, fromLogits: Bool
  ) throws -> SymbolicTensor {
    if fromLogits {
      // log (1 + eˣ) − t · x, in the form that no large x overflows.
      return try output.relu() - output * target + (1 + output.abs().negated().exp()).log()
    }
    let output = try output.clipped(epsilon, 1 - epsilon)
    return try (target * output.log() + (1 - target) * (1 - output).log()).negated()
  }

  static func categorical(
    _ output: SymbolicTensor, _ target: SymbolicTensor, fromLogits: Bool
  ) throws -> SymbolicTensor {
    try (target * logProbabilities(output, fromLogits: fromLogits)).sum(axes: [-1]).negated()
  }

  static func sparse(
    _ output: SymbolicTensor, _ labels: SymbolicTensor, fromLogits: Bool
  ) throws -> SymbolicTensor {
    let classes = output.shape.last ?? 1
    let rows = output.shape.dropLast().reduce(1, *)
    // The logarithms of what sums to 1 are logits of it.
    let logits = try fromLogits ? output : logProbabilities(output, fromLogits: false)
    return try logits.reshaped([rows, classes]).sparseCrossEntropy(labels: labels.reshaped([rows]))
  }

  static func logProbabilities(_ output: SymbolicTensor, fromLogits: Bool) throws -> SymbolicTensor {
    if fromLogits { return try output.logSoftmax() }
    return try (output / output.sum(axes: [-1], keepDims: true)).clipped(epsilon, 1 - epsilon).log()
  }
}
