import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// One layer of the encoder: attention, then two dense layers with an activation between them, each with its residual.
struct BERTBlock: Layer {
  var configuration: BERTConfiguration
  let policy: DTypePolicy

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let attention = try context.call(
      BERTAttention(configuration: configuration, policy: policy), inputs, name: "attention")
    guard let attended = attention.tensor else {
      throw LayerError.inputs(layer: context.path, expected: "one tensor", found: "a structure")
    }
    let inner = try context.call(
      BERT.dense(configuration.intermediateSize, policy, activation: configuration.activation.function), attended,
      name: "intermediate.dense")
    var output = try context.call(BERT.dense(configuration.hiddenSize, policy), inner, name: "output.dense")
    output = try context.call(Dropout(configuration.hiddenDropout, policy: policy), output, name: "output.dropout")
    return .tensor(
      try context.call(
        LayerNormalization(epsilon: configuration.epsilon, policy: policy), output + attended, name: "output.LayerNorm")
    )
  }
}

extension BERTConfiguration.Activation {
  fileprivate var function: ActivationFunction {
    switch self {
    case .gelu: .gelu
    case .geluNew, .geluTanh: .approximateGELU
    case .relu: .relu
    case .silu: .silu
    }
  }
}
