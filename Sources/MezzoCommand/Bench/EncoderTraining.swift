import Mezzo

/// W4: a step of training of one layer of a transformer's encoder, normalised behind each of its halves, with AdamW.
enum EncoderTraining {
  static let kind = BenchKind(
    name: "W4", title: "encoder layer train step", make: make,
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
    let kernels = [
      ("query", width, width), ("key", width, width), ("value", width, width), ("output", width, width),
      ("up", width, ffn), ("down", ffn, width),
    ]
    var weights: [String: Tensor] = [:]
    for (index, (name, inputs, outputs)) in kernels.enumerated() {
      var data = setting.stream(2 + index)
      weights["\(name).kernel"] = try data.glorot([inputs, outputs])
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
    func split(_ x: SymbolicTensor) throws -> SymbolicTensor {
      try x.reshaped([x.shape[0], x.shape[1], heads, width / heads]).transposed([0, 2, 1, 3])
    }
    let query = try split(dense(width, input, "query"))
    let key = try split(dense(width, input, "key"))
    let value = try split(dense(width, input, "value"))
    let scores = try query.matmul(key.transposed()) / Double(width / heads).squareRoot()
    let mixed = try scores.softmax().matmul(value).transposed([0, 2, 1, 3]).reshaped(input.shape)
    let attended = try normalized(input + dense(width, mixed, "output"), "attention_norm")
    let inner = try dense(ffn, attended, "up", .gelu)
    return try normalized(attended + dense(width, inner, "down"), "output_norm")
  }
}
