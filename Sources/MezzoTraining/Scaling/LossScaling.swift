public import MezzoBackend
import MezzoGraph
public import MezzoLayers
public import MezzoPolicy

/// Whether the loss is multiplied before the backward pass so that float16 gradients do not vanish.
public enum LossScaling: Sendable, Hashable {
  /// Dynamic if gradients really are computed in float16, whatever the policies are called; else none. An optimizer that
  /// scales the loss already stays as it is.
  case automatic
  case scale(LossScale)

  func check() throws(TrainingError) {
    if case .scale(let scale) = self { try scale.check() }
  }

  /// The scale for gradients that are computed in these dtypes; nil for none.
  func resolved(_ gradientDTypes: Set<DType>) -> LossScale? {
    switch self {
    case .automatic: gradientDTypes.contains(.float16) ? .dynamic() : nil
    case .scale(let scale): scale
    }
  }

  /// The optimizer for gradients that are computed in these dtypes.
  func wrapping(_ optimizer: any Optimizer, gradientDTypes: Set<DType>) throws(TrainingError) -> any Optimizer {
    if self == .automatic, optimizer is LossScaleOptimizer { return optimizer }
    guard let scale = resolved(gradientDTypes) else { return optimizer }
    return try LossScaleOptimizer(optimizer, lossScale: scale)
  }
}

extension Model {
  /// The optimizer that `fit` would use, as Keras's `compile` wraps it: a ``LossScaleOptimizer`` where gradients are
  /// computed in float16, `optimizer` itself where none are.
  ///
  /// What counts is what the layers do. Keras goes by the name of the model's policy, and so scales nothing in a float32
  /// model of float16 layers.
  ///
  /// - Parameter features: of one batch, `[batch, …]`. No variable is made.
  /// - Throws: `TrainingError.nestedLossScaling` where two scales were asked for; `LayerError` or `GraphError`.
  public func lossScaled(
    _ optimizer: any Optimizer, features: TensorType, scaling: LossScaling = .automatic
  ) throws -> any Optimizer {
    try lossScaled(optimizer, inputs: Arguments(.tensor(features)), scaling: scaling)
  }

  func lossScaled(
    _ optimizer: any Optimizer, inputs: Arguments<TensorType>, scaling: LossScaling
  ) throws -> any Optimizer {
    let probe = try TracedCall(self, inputs: inputs, isTraining: true) { _ in .constant }
    return try scaling.wrapping(optimizer, gradientDTypes: probe.computeDTypes)
  }
}
