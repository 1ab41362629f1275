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
    /// What it keeps, in what dtype, in the order in which it asks for it. That is not always what the policy stores: batch
    /// normalisation keeps float32 under 16 bits, and kernels are int8 under int8.
    public let variables: [Variable]
    /// What the policy casts in a call: inputs, variables and what is quantized in the order of the call, then operations that
    /// work in a dtype of their own, then outputs.
    public let casts: [LayerCast]
    /// Numbers of its configuration that vanish, overflow or change in the dtype that they are computed with in.
    public let lostConstants: [LayerConstant]
  }

  /// What a layer stores.
  public struct Variable: Sendable, Hashable, Codable {
    /// `kernel`
    public let name: String
    public let dtype: DType
  }

  /// What has gradients pass through float16.
  public enum LossScaleCause: String, CaseIterable, Sendable, Hashable, Codable {
    /// The policy of a layer computes in it.
    case compute
    /// The policy of a layer has an operation work in it.
    case operation
    /// The policy of a layer returns it.
    case output
    /// The policy of a layer rounds gradients to it.
    case gradient
  }

  /// In the order in which they are called.
  public let layers: [Layer]
  /// The dtypes in which layers really compute.
  public let computeDTypes: Set<DType>
  /// How `fit` would scale the loss by itself; nil: not at all.
  public let lossScale: LossScale?
  /// Why it would.
  public let lossScaleCauses: [LossScaleCause]
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
    let casts = call.casts
    let variables = Dictionary(grouping: call.variables, by: \.layer)
    let lossScale = LossScaling.automatic.resolved(call.computeDTypes)
    return PolicyExplanation(
      layers: call.layers.map { record in
        PolicyExplanation.Layer(
          record: record,
          variables: (variables[record.path] ?? []).map { PolicyExplanation.Variable($0) },
          casts: casts[record.path] ?? [],
          lostConstants: (call.constants[record.path] ?? []).filter { $0.fate != nil })
      },
      computeDTypes: call.computeDTypes, lossScale: lossScale,
      lossScaleCauses: lossScale == nil ? [] : call.float16Causes)
  }
}

extension PolicyExplanation.Variable {
  fileprivate init(_ spec: VariableSpec) {
    self.init(name: spec.path.split(separator: ".").last.map(String.init) ?? spec.path, dtype: spec.type.dtype)
  }
}

extension TracedCall {
  /// What of the policies has gradients pass through float16, as far as policies do.
  fileprivate var float16Causes: [PolicyExplanation.LossScaleCause] {
    let casts = casts.values.joined().filter { $0.to == .float16 }
    return PolicyExplanation.LossScaleCause.allCases.filter { cause in
      switch cause {
      case .compute:
        valueDTypes.contains(.float16) && layers.contains { !$0.isContainer && $0.policy.computeDType == .float16 }
      case .operation: valueDTypes.contains(.float16) && casts.contains { $0.kind == .operation }
      case .output: valueDTypes.contains(.float16) && casts.contains { $0.kind == .output }
      case .gradient: gradientDTypes.contains(.float16)
      }
    }
  }
}
