import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Self-attention with its residual: `[batch, length, hidden] -> [batch, length, hidden]` (Vaswani et al., arXiv
/// 1706.03762). The mask, `[batch, length]`, is 0 where nothing is attended to.
struct BERTAttention: Layer {
  var configuration: BERTConfiguration
  let policy: DTypePolicy

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let arguments = inputs.leaves.compactMap { $0 }
    guard arguments.count == 2, arguments[0].rank == 3, arguments[1].shape == Array(arguments[0].shape.dropLast())
    else {
      throw LayerError.inputs(
        layer: context.path, expected: "[batch, length, hidden] and a mask [batch, length]",
        found: arguments.map { "\($0.type)" }.joined(separator: " and "))
    }
    let (x, mask) = (arguments[0], arguments[1])
    let (batch, length) = (x.shape[0], x.shape[1])
    let (size, heads) = (configuration.hiddenSize, configuration.heads)
    let width = size / heads
    /// `[batch, heads, length, width]`
    func projected(_ name: String) throws -> SymbolicTensor {
      try context.call(BERT.dense(size, policy), x, name: "self.\(name)")
        .reshaped([batch, length, heads, width]).transposed([0, 2, 1, 3])
    }
    let (query, key, value) = (try projected("query"), try projected("key"), try projected("value"))
    let mixed = try context.attended(
      query, key, value, scale: 1 / Double(width).squareRoot(), mask: mask.reshaped([batch, 1, 1, length]),
      dropout: configuration.attentionDropout
    ).transposed([0, 2, 1, 3]).reshaped([batch, length, size])
    var output = try context.call(BERT.dense(size, policy), mixed, name: "output.dense")
    output = try context.call(Dropout(configuration.hiddenDropout, policy: policy), output, name: "output.dropout")
    return .tensor(
      try context.call(
        LayerNormalization(epsilon: configuration.epsilon, policy: policy), output + x, name: "output.LayerNorm"))
  }
}
