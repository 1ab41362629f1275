public import MezzoBackend
import MezzoGraph
public import MezzoLayers
public import MezzoPolicy

/// What policies come to in a model, layer by layer.
public struct PolicyExplanation: Sendable {
  /// One layer.
  public struct Layer: Sendable {
    /// Where it is, what it was given, and what it follows. The origin of its policy says where that came from.
    public let record: LayerRecord
    /// What the policy casts in a call, in the order of the casts.
    public let casts: [LayerCast]
    /// Numbers of its configuration that vanish, overflow or change in the dtype that they are computed with in.
    public let lostConstants: [LayerConstant]
  }

  /// In the order in which they are called.
  public let layers: [Layer]
  /// The dtypes in which layers really compute.
  public let computeDTypes: Set<DType>
  /// How `fit` would scale the loss by itself; nil: not at all.
  public let lossScale: LossScale?
}

extension Model {
  /// What policies come to in this model when a batch of this type is put through it in training. Makes no variables.
  ///
  /// ```swift
  /// for layer in try model.explainPolicies(input: TensorType(.float32, [1, 784])).layers {
  ///   print(layer.record.path, layer.record.policy, layer.record.policy.origin, layer.casts)
  /// }
  /// ```
  ///
  /// - Throws: `LayerError`, `PolicyError` or `GraphError`, as building would.
  public func explainPolicies(input: TensorType) throws -> PolicyExplanation {
    let call: TracedCall
    do {
      call = try TracedCall(self, input: input, isTraining: true) { _ in .constant }
    } catch LayerError.quantizedTraining {
      // What is never trained casts as it does in inference.
      call = try TracedCall(self, input: input, isTraining: false) { _ in .constant }
    }
    return PolicyExplanation(
      layers: call.layers.map { record in
        PolicyExplanation.Layer(
          record: record, casts: call.casts[record.path] ?? [],
          lostConstants: (call.constants[record.path] ?? []).filter { $0.fate != nil })
      },
      computeDTypes: call.computeDTypes, lossScale: LossScaling.automatic.resolved(call.computeDTypes))
  }
}
