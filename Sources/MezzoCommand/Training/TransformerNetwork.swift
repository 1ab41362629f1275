import Mezzo

/// `--model transformer`: each row of the image is a token, with a place that is learned; encoder layers that are normalised
/// in front of each of their halves (Xiong et al., ICML 2020), and the mean of what they give.
enum TransformerNetwork {
  static let width = 64
  static let heads = 4
  static let depth = 2

  static func layers(_ image: ImageShape) -> [any Layer] {
    [image.rows, Dense(width), Positions()] + (0..<depth).map { _ in EncoderBlock(heads: heads) }
      + [LayerNormalization(), GlobalAveragePooling1D()]
  }
}

/// `x + position`: a vector for each place of the sequence.
struct Positions: Layer {
  var policy = globalPolicy()

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let places = try context.variable(
      "embedding", shape: Array(input.shape.dropFirst()), initializer: .randomNormal(mean: 0, deviation: 0.02))
    return try input + places
  }
}

/// `h = x + attention(LN(x))`, then `h + down(gelu(up(LN(h))))`.
struct EncoderBlock: Layer {
  var heads: Int
  var policy = globalPolicy()

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let width = input.shape[input.rank - 1]
    func normalized(_ x: SymbolicTensor, _ name: String) throws -> SymbolicTensor {
      try context.call(LayerNormalization(policy: policy), x, name: name)
    }
    let x = try normalized(input, "attention_norm")
    let attention = MultiHeadAttention(numHeads: heads, keyDim: max(width / heads, 1), policy: policy)
    let attended = try context.call(attention, LayerInputs(.tensor(x), .tensor(x)), name: "attention")
    guard let mixed = attended.tensor else { throw LayerError.outputs(layer: context.path, found: "no tensor") }
    let h = try input + mixed
    let up = try context.call(
      Dense(2 * width, activation: .gelu, policy: policy), normalized(h, "norm"), name: "up")
    return try h + context.call(Dense(width, policy: policy), up, name: "down")
  }
}
