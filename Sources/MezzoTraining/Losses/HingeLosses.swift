import MezzoGraph
import MezzoPolicy

extension LossFunction {
  static func hinge(_ output: SymbolicTensor, _ target: SymbolicTensor) throws -> SymbolicTensor {
    // Nothing but 0 and 1 is 0 here.
    let others = try (target * (target - 1)).abs().sum()
    let zero = try others.trace.constant(0, dtype: others.dtype)
    let signs = try others.isEqual(zero).select(target * 2 - 1, target)
    return try (1 - signs * output).relu()
  }

  static func categoricalHinge(_ output: SymbolicTensor, _ target: SymbolicTensor) throws -> SymbolicTensor {
    let right = try (target * output).sum(axes: [-1])
    let wrong = try ((1 - target) * output).max(axes: [-1])
    return try (wrong - right + 1).relu()
  }
}
