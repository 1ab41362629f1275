import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// An encoder and what makes one vector for each text from its output.
struct SentenceModel: LayerContainer {
  var encoder: BERT
  var modes: [SentenceConfiguration.Pooling.Mode]
  let policy: DTypePolicy

  /// What the variables of the encoder begin with.
  static let encoderName = "encoder"

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let hidden = try context.call(encoder, inputs, name: Self.encoderName)
    guard inputs.positional.count == 3 else {
      throw LayerError.inputs(
        layer: context.path, expected: "ids, a mask and positions", found: "\(inputs.positional.count) arguments")
    }
    // Means over many tokens, and the squares of vectors, leave the range and the digits of 16 bits.
    let pooling = SentencePooling(
      modes: modes, policy: policy.computeDType == .float64 ? .float64 : .float32)
    return try context.call(
      pooling, LayerInputs(hidden, inputs.positional[1]), name: "pooling")
  }
}
