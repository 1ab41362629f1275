import MezzoGraph
import MezzoPolicy

extension LossFunction {
  /// `1 − 2·Σ t·p ∕ (Σ t + Σ p)`
  static func dice(_ output: SymbolicTensor, _ target: SymbolicTensor, axes: [Int]?) throws -> SymbolicTensor {
    let both = try (target * output).sum(axes: axes)
    return try 1 - both * 2 / (target.sum(axes: axes) + output.sum(axes: axes) + epsilon)
  }

  /// `1 − Σ t·p ∕ (Σ t·p + alpha·Σ t·(1 − p) + beta·Σ p·(1 − t))`
  static func tversky(
    _ output: SymbolicTensor, _ target: SymbolicTensor, alpha: Double, beta: Double, axes: [Int]?
  ) throws -> SymbolicTensor {
    let both = try (target * output).sum(axes: axes)
    let missed = try ((1 - output) * target).sum(axes: axes)
    let wrong = try (output * (1 - target)).sum(axes: axes)
    return try 1 - both / (both + missed * alpha + wrong * beta + epsilon)
  }
}
