public import MezzoPolicy

/// Whether the loss is multiplied before the backward pass so that float16 gradients do not vanish.
public enum LossScaling: Sendable, Hashable {
  /// Dynamic if a layer with variables really computes in float16, whatever the global policy is called; else none.
  case automatic
  case scale(LossScale)

  func check() throws(TrainingError) {
    guard case .scale(let scale) = self, !(scale.value > 0 && scale.value.isFinite) else { return }
    throw .invalidOption(name: "the loss scale", expected: "above 0 and finite", found: "\(scale.value)")
  }

  func resolved(_ computeDTypes: Set<DType>) -> LossScale? {
    switch self {
    case .automatic: computeDTypes.contains(.float16) ? .dynamic() : nil
    case .scale(let scale): scale
    }
  }
}
