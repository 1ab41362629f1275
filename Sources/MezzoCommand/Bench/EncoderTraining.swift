import Mezzo

/// W4: a step of training of one layer of a transformer's encoder, normalised behind each of its halves, with AdamW.
enum EncoderTraining {
  static let kind = BenchKind(
    name: "W4", title: "encoder layer train step",
    parameters: ["batch", "seq", "width", "heads", "ffn"], make: make,
    operations: { parameters in
      let shape = try Shape(parameters)
      let (tokens, width) = (Double(shape.batch * shape.seq), Double(shape.width))
      let projections = 4 * width * width + 2 * width * Double(shape.ffn)
      let forward = tokens * (2 * projections + 4 * Double(shape.seq) * width)
      // No gradient by the input, which is data, flows through query, key and value.
      return 3 * forward - 2 * tokens * 3 * width * width
    })

  private struct Shape {
    var batch, seq, width, heads, ffn: Int

    init(_ parameters: BenchParameters) throws(BenchError) {
      batch = try parameters.size("batch", default: 8)
      seq = try parameters.size("seq", default: 128)
      width = try parameters.size("width", default: 384)
      heads = try parameters.size("heads", default: 12)
      ffn = try parameters.size("ffn", default: 1536)
      guard width % heads == 0 else {
        throw .parameter(name: "heads", expected: "a divisor of the width \(width)", found: "\(heads)")
      }
    }
  }

  @Sendable private static func make(
    _ parameters: BenchParameters, _ setting: BenchSetting
  ) throws -> any BenchWorkload {
    let shape = try Shape(parameters)
    func unit(_ tensor: Int) throws -> Tensor {
      var data = setting.stream(tensor)
      return try data.unit([shape.batch, shape.seq, shape.width])
    }
    let batch = TrainingBatch(features: try unit(0), targets: try unit(1))
    let (width, ffn) = (shape.width, shape.ffn)
    let (heads, head) = (shape.heads, width / shape.heads)
    let kernels = [
      ("attention.query", width, width, [width, heads, head]), ("attention.key", width, width, [width, heads, head]),
      ("attention.value", width, width, [width, heads, head]),
      ("attention.attention_output", width, width, [heads, head, width]), ("up", width, ffn, [width, ffn]),
      ("down", ffn, width, [ffn, width]),
    ]
    var weights: [String: Tensor] = [:]
    for (index, (name, inputs, outputs, shape)) in kernels.enumerated() {
      var data = setting.stream(2 + index)
      weights["\(name).kernel"] = try data.glorot([inputs, outputs]).reshaped(shape)
    }
    let model = try setting.model(
      EncoderLayer(heads: shape.heads, ffn: ffn, policy: setting.policy),
      inputs: ModelInputs(.tensor(batch.features.type)), weights: weights)
    return try TrainingWork(
      model, batch: batch, loss: .meanSquaredError, optimizer: .adamW(weightDecay: 0.01))
  }
}

/// `h = LN(x + output(attention(x)))`, then `LN(h + down(gelu(up(h))))`.
private struct EncoderLayer: Layer {
  var heads: Int
  var ffn: Int
  var policy: DTypePolicy

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let width = input.shape[2]
    func dense(_ units: Int, _ x: SymbolicTensor, _ name: String, _ activation: ActivationFunction = .linear) throws
      -> SymbolicTensor
    { try context.call(Dense(units, activation: activation, policy: policy), x, name: name) }
    func normalized(_ x: SymbolicTensor, _ name: String) throws -> SymbolicTensor {
      try context.call(LayerNormalization(epsilon: 1e-12, policy: policy), x, name: name)
    }
    let attention = try context.call(
      MultiHeadAttention(numHeads: heads, keyDim: width / heads, policy: policy),
      LayerInputs(.tensor(input), .tensor(input)), name: "attention")
    guard let mixed = attention.tensor else {
      throw LayerError.inputs(layer: context.path, expected: "one tensor", found: "a structure")
    }
    let attended = try normalized(input + mixed, "attention_norm")
    let inner = try dense(ffn, attended, "up", .gelu)
    return try normalized(attended + dense(width, inner, "down"), "output_norm")
  }
}
