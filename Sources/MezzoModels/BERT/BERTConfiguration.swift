import MezzoCheckpoint

/// The sizes of an encoder of the BERT family, as `config.json` of Hugging Face's transformers has them.
public struct BERTConfiguration: Codable, Sendable, Hashable {
  public var vocabularySize: Int
  /// The length of a token's vector.
  public var hiddenSize: Int
  public var layers: Int
  public var heads: Int
  /// The length of the vector between the two dense layers of a block.
  public var intermediateSize: Int
  /// The longest sequence.
  public var positions: Int
  /// The number of different kinds of sequences.
  public var types: Int
  public var activation: Activation
  public var epsilon: Double
  public var hiddenDropout: Double
  public var attentionDropout: Double

  /// What is between the two dense layers of a block.
  public enum Activation: String, Codable, Sendable, Hashable, CaseIterable {
    case gelu, relu, silu
    /// GELU in its tanh approximation.
    case geluNew = "gelu_new"
    case geluTanh = "gelu_pytorch_tanh"
  }

  public init(
    vocabularySize: Int = 30_522, hiddenSize: Int = 768, layers: Int = 12, heads: Int = 12,
    intermediateSize: Int = 3072, positions: Int = 512, types: Int = 2, activation: Activation = .gelu,
    epsilon: Double = 1e-12, hiddenDropout: Double = 0.1, attentionDropout: Double = 0.1
  ) {
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.layers = layers
    self.heads = heads
    self.intermediateSize = intermediateSize
    self.positions = positions
    self.types = types
    self.activation = activation
    self.epsilon = epsilon
    self.hiddenDropout = hiddenDropout
    self.attentionDropout = attentionDropout
  }

  /// Reads a `config.json` with `"model_type": "bert"`.
  ///
  /// - Throws: `CheckpointError` if the file cannot be read, ``PretrainedError`` if it is damaged or of another model.
  public init(contentsOf path: String) throws { try self.init(ModelFile(path)) }

  /// Larger sizes would be mistakes, and products of them would not fit.
  private static let sizes = 1...1 << 24

  init(_ file: ModelFile) throws(PretrainedError) {
    let value = file.value
    guard value.object != nil else { throw file.malformed("an object", value.kind) }
    let type = try file.string("model_type", of: value)
    guard type == "bert" else { throw file.unsupported("the model_type \"bert\"", "\"\(type)\"") }
    let positions = try file.string("position_embedding_type", of: value, or: "absolute")
    guard positions == "absolute" else { throw file.unsupported("absolute positions", "\"\(positions)\"") }
    func size(_ name: String) throws(PretrainedError) -> Int { try file.integer(name, of: value, in: Self.sizes) }
    func fraction(_ name: String, or fallback: Double) throws(PretrainedError) -> Double {
      try file.member(
        name, of: value, "a number from 0 to 1",
        { member in member.number.flatMap { (0..<1).contains($0) ? $0 : nil } }, or: fallback)
    }
    self.init(
      vocabularySize: try size("vocab_size"), hiddenSize: try size("hidden_size"),
      layers: try file.integer("num_hidden_layers", of: value, in: 0...10_000), heads: try size("num_attention_heads"),
      intermediateSize: try size("intermediate_size"), positions: try size("max_position_embeddings"),
      types: try file.integer("type_vocab_size", of: value, in: Self.sizes, or: 2),
      activation: try file.member(
        "hidden_act", of: value, "one of \(Activation.allCases.map(\.rawValue).joined(separator: ", "))",
        { $0.string.flatMap(Activation.init) }, or: .gelu),
      epsilon: try fraction("layer_norm_eps", or: 1e-12),
      hiddenDropout: try fraction("hidden_dropout_prob", or: 0.1),
      attentionDropout: try fraction("attention_probs_dropout_prob", or: 0.1))
    guard hiddenSize % heads == 0 else {
      throw file.malformed("a hidden_size that num_attention_heads divides", "\(hiddenSize) and \(heads)")
    }
  }
}
