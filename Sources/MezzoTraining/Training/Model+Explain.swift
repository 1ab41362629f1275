public import MezzoBackend
import MezzoGraph
public import MezzoLayers
public import MezzoRuntime

extension Model {
  /// Who would compute what in a step of training, and why: forward, backward and update. Nothing is trained, and no
  /// variable is made.
  ///
  /// ```swift
  /// print(try model.explainTraining(features: TensorType(.float32, [128, 784]), targets: TensorType(.int32, [128])))
  /// ```
  /// - Parameters:
  ///   - features: of one batch, `[batch, …]`: float32, or float64 for float64 data.
  ///   - targets: of one batch: labels `int32[batch]`, or values.
  ///   - loss: what training would make small.
  ///   - optimizer: whose updates are part of the step.
  ///   - scaling: loss scaling; `automatic` is right for every policy.
  /// - Throws: `TrainingError.frozen`, `LayerError`, `GraphError` or `RuntimeError`, naming the layer where there is one.
  public func explainTraining(
    features: TensorType, targets: TensorType, loss: Loss = .sparseCategoricalCrossentropy,
    optimizer: any Optimizer = .adam(), scaling: LossScaling = .automatic
  ) throws -> Explanation {
    let types = BatchStream.Types(features: features, targets: targets)
    let wrapped = try lossScaled(optimizer, features: features, scaling: scaling)
    let scaled = wrapped as? LossScaleOptimizer
    let step = try TrainingStep(
      self, types: types, objective: TrainingObjective(loss: loss),
      optimizer: scaled?.innerOptimizer ?? wrapped, isScaled: scaled != nil)
    return Explanation(step.plan.plan, on: runtime)
  }
}
