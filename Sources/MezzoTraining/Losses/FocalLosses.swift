import MezzoGraph
import MezzoPolicy

extension LossFunction {
  /// The binary cross-entropy of each element, faded where it is right already. Of logits it is computed in the form that no
  /// large one overflows.
  static func binaryFocal(
    _ output: SymbolicTensor, _ target: SymbolicTensor, gamma: Double, balance: Double?, fromLogits: Bool
  ) throws -> SymbolicTensor {
    let crossentropy = try binary(output, target, fromLogits: fromLogits)
    let p = try fromLogits ? output.sigmoid() : output
    let wrong = try 1 - (target * p + (1 - target) * (1 - p))
    let faded = try power(wrong, gamma) * crossentropy
    guard let balance else { return faded }
    return try (target * balance + (1 - target) * (1 - balance)) * faded
  }

  static func categoricalFocal(
    _ output: SymbolicTensor, _ target: SymbolicTensor, alpha: Double, gamma: Double, fromLogits: Bool
  ) throws -> SymbolicTensor {
    let logarithms = try logProbabilities(output, fromLogits: fromLogits)
    let fading = try power(1 - logarithms.exp(), gamma) * alpha
    return try (fading * target * logarithms).sum(axes: [-1]).negated()
  }

  /// `(1 − p ^ q) ∕ q` of the probability of the right class.
  static func generalized(_ output: SymbolicTensor, _ labels: SymbolicTensor, q: Double) throws -> SymbolicTensor {
    let chosen = try labels.oneHot(depth: max(output.shape.last ?? 1, 1), dtype: output.dtype)
    return try (1 - power((output * chosen).sum(axes: [-1]), q)) / q
  }

  /// `base` to a power, where `base` is at least 0. Whole small powers are products, so that 0 has a gradient too.
  private static func power(_ base: SymbolicTensor, _ exponent: Double) throws -> SymbolicTensor {
    switch exponent {
    case 1: return base
    case 2: return try base * base
    default:
      let least = try base.trace.constant(1e-30, dtype: base.dtype)
      return try (base.maximum(least).log() * exponent).exp()
    }
  }
}
