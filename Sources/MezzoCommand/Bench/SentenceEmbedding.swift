import Mezzo
import MezzoModels

/// W3: vectors of texts by a pretrained encoder of the BERT family, from ids to the mean of the tokens, of length 1.
enum SentenceEmbedding {
  static let kind = BenchKind(
    name: "W3", title: "sentence embedding", parameters: ["batch", "seq", "heads", "model"], make: make,
    operations: { parameters in
      let configuration = try Self.configuration(parameters, weights(parameters))
      let (batch, length) = (Double(try batch(parameters)), Double(try length(parameters)))
      let (width, inner) = (Double(configuration.hiddenSize), Double(configuration.intermediateSize))
      let layer = 4 * width * width + 2 * width * inner + 2 * length * width
      return 2 * batch * length * layer * Double(configuration.layers)
    }, isReady: { (try? weights($0)) != nil }, takesInt8: true)

  private static func batch(_ parameters: BenchParameters) throws(BenchError) -> Int {
    try parameters.size("batch", default: 8)
  }

  private static func length(_ parameters: BenchParameters) throws(BenchError) -> Int {
    try parameters.size("seq", default: 128)
  }

  /// Where `make model` puts it.
  private static func weights(_ parameters: BenchParameters) throws -> SafetensorsShards {
    try SafetensorsShards(parameters.text("model", default: ".models/all-MiniLM-L6-v2"))
  }

  private static func configuration(
    _ parameters: BenchParameters, _ weights: SafetensorsShards
  ) throws -> BERTConfiguration {
    try BERTConfiguration(weights: weights, heads: parameters.size("heads", default: 12))
  }

  @Sendable private static func make(
    _ parameters: BenchParameters, _ setting: BenchSetting
  ) throws -> any BenchWorkload {
    let weights = try Self.weights(parameters)
    let configuration = try Self.configuration(parameters, weights)
    let (batch, length) = (try batch(parameters), try length(parameters))
    guard length <= configuration.positions else {
      throw BenchError.parameter(
        name: "seq", expected: "at most the \(configuration.positions) positions of the model", found: "\(length)")
    }
    var stream = setting.stream(0)
    let random = try stream.integers(1000..<30_000, [batch, length]).scalars()
    let ids = try Tensor(
      random.enumerated().map { place, id in
        place % length == 0 ? 101 : place % length == length - 1 ? 102 : id
      }, shape: [batch, length], dtype: .int32)
    let inputs = ModelInputs(
      .tensor(ids), .tensor(try Tensor([Double](repeating: 1, count: batch * length), shape: ids.shape, dtype: .int32)),
      .tensor(try Tensor((0..<length).map(Double.init), shape: [length], dtype: .int32)))
    let model = try setting.model(
      MeanOfTokens(encoder: BERT(configuration, policy: setting.policy)), inputs: inputs.map { $0.type },
      weights: [:], drawsWeights: false)
    try BERT.load(weights, into: model, scope: "\(MeanOfTokens.encoderName).")
    return try InferenceWork(model, inputs: inputs)
  }
}

/// All tokens count, the padding too, since there is none.
private struct MeanOfTokens: LayerContainer {
  static let encoderName = "encoder"
  var encoder: BERT
  var policy: DTypePolicy { encoder.policy }

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    guard let hidden = try context.call(encoder, inputs, name: Self.encoderName).tensor else {
      throw LayerError.inputs(layer: context.path, expected: "one tensor", found: "none")
    }
    let mean = try hidden.cast(to: hidden.dtype == .float64 ? .float64 : .float32).mean(axes: [1])
    let squares = try (mean * mean).sum(axes: [1], keepDims: true)
    return .tensor(try mean / squares.sqrt())
  }
}
