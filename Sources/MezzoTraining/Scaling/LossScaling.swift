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

  /// The optimizer for gradients that are computed in these dtypes.
  func wrapping(_ optimizer: any Optimizer, gradientDTypes: Set<DType>) throws(TrainingError) -> any Optimizer {
    switch self {
    case .automatic:
      if optimizer is LossScaleOptimizer || !gradientDTypes.contains(.float16) { return optimizer }
      return try LossScaleOptimizer(optimizer)
    case .scale(let scale): return try LossScaleOptimizer(optimizer, lossScale: scale)
    }
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
    let probe = try TracedCall(self, input: features, isTraining: true) { _ in .constant }
    return try scaling.wrapping(optimizer, gradientDTypes: probe.gradientDTypes())
  }
}

extension TracedCall {
  /// The floating dtypes in which gradients are computed on their way from the output to the trainable variables. What lies
  /// before all of these, and operations without a gradient, do not count.
  func gradientDTypes() throws -> Set<DType> {
    let trainable = variables.filter(\.isTrainable).compactMap { symbol($0.path) }
    _ = try trace.gradients(of: output.atLeastFloat32().sum(), by: trainable)
    let graph = trace.finish([])
    let results = graph.nodes.filter { $0.origin.phase == .backward }.flatMap(\.results)
    return Set(results.map { graph.values[$0].dtype }.filter(\.isFloatingPoint))
  }
}
