import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
public import MezzoPolicy
public import MezzoRuntime

/// A pretrained model that makes vectors of texts: texts that mean the same have vectors close to each other.
///
/// Reads a directory as sentence-transformers keeps it: `config.json` and `model.safetensors` of the BERT family,
/// `tokenizer.json`, and beside them how the tokens' vectors become one.
///
/// ```swift
/// let encoder = try SentenceEncoder(directory: ".models/all-MiniLM-L6-v2", policy: .mixedBFloat16)
/// let vectors = try encoder.encode(["a cat on the mat", "a kitten on a rug"])
/// print(vectors[0].cosine(vectors[1]))
/// ```
public final class SentenceEncoder: Sendable {
  public let tokenizer: Tokenizer
  public let configuration: BERTConfiguration
  public let policy: DTypePolicy
  /// Ids of the longest text; what is longer is cut.
  public let maximumLength: Int
  let model: Model
  private let sentences: SentenceConfiguration
  private let batches: TextBatches

  /// A text's ids, without padding, and its vector.
  public struct Embedding: Sendable, Hashable {
    public var ids: [Int32]
    public var vector: [Float]

    /// The cosine of the angle between two vectors of one length: 1 for the same direction.
    public func cosine(_ other: Embedding) -> Double {
      var (product, squares, otherSquares) = (0.0, 0.0, 0.0)
      for (a, b) in zip(vector, other.vector) {
        product += Double(a) * Double(b)
        squares += Double(a) * Double(a)
        otherSquares += Double(b) * Double(b)
      }
      return product / max((squares * otherSquares).squareRoot(), .leastNormalMagnitude)
    }
  }

  /// - Parameters:
  ///   - policy: what it computes in; by default the one in effect here. Any floating-point policy will do.
  /// - Throws: `CheckpointError` where a file cannot be read, ``PretrainedError`` where one is damaged or of another model.
  public init(directory: String, policy: DTypePolicy? = nil, runtime: Runtime = .shared) throws {
    let policy = policy ?? globalPolicy()
    sentences = try SentenceConfiguration(directory: directory)
    let folder = sentences.encoderPath.isEmpty ? directory : "\(directory)/\(sentences.encoderPath)"
    configuration = try BERTConfiguration(contentsOf: "\(folder)/config.json")
    var tokenizer = try Tokenizer(contentsOf: "\(folder)/tokenizer.json")
    guard tokenizer.vocabularySize <= configuration.vocabularySize else {
      throw PretrainedError.malformed(
        path: "\(folder)/tokenizer.json", expected: "at most the \(configuration.vocabularySize) ids of config.json",
        found: "\(tokenizer.vocabularySize)")
    }
    maximumLength = min(sentences.maximumLength ?? .max, configuration.positions)
    tokenizer.truncation = Tokenizer.Truncation(
      maximumLength: maximumLength, isLeft: tokenizer.truncation?.isLeft ?? false)
    tokenizer.padding = nil
    self.tokenizer = tokenizer
    self.policy = policy
    batches = try TextBatches(maximumLength: maximumLength)
    model = Model(
      SentenceModel(
        encoder: BERT(configuration, policy: policy), modes: sentences.pooling.modes, policy: policy),
      runtime: runtime)
    model.keepPlans(forShapes: batches.shapes)
    try model.build(
      inputs: Arguments(
        .tensor(TensorType(.int32, [1, 2])), .tensor(TensorType(.int32, [1, 2])), .tensor(TensorType(.int32, [2]))),
      drawsWeights: false)
    try BERT.load(
      try SafetensorsShards(folder), into: model, scope: "\(SentenceModel.encoderName).")
  }

  /// The vectors of texts, in their order.
  ///
  /// Texts of about one length are computed together, whatever their order.
  ///
  /// - Parameter progress: called with the number of texts that are done, after each batch.
  public func encode(_ texts: [String], progress: (Int) -> Void = { _ in }) throws -> [Embedding] {
    let ids = texts.map { tokenizer.encode(sentences.lowercases ? $0.lowercased() : $0).ids }
    var embeddings = ids.map { Embedding(ids: $0, vector: []) }
    var done = 0
    for batch in batches.batches(ids.map(\.count)) {
      let vectors = try vectors(batch.texts.map { ids[$0] }, rows: batch.rows, length: batch.length)
      for (text, vector) in zip(batch.texts, vectors) { embeddings[text].vector = vector }
      done += batch.texts.count
      progress(done)
    }
    return embeddings
  }

  private func vectors(_ texts: [[Int32]], rows: Int, length: Int) throws -> [[Float]] {
    var ids = [Int32](repeating: tokenizer.paddingID, count: rows * length)
    // Rows that only fill up see their first id, so that no row is without any.
    var mask = [Int32](repeating: 0, count: rows * length)
    for row in 0..<rows { mask[row * length] = 1 }
    for (row, text) in texts.enumerated() {
      for (place, id) in text.enumerated() {
        ids[row * length + place] = id
        mask[row * length + place] = 1
      }
    }
    let outputs = try model(
      Arguments(
        .tensor(try Self.tensor(ids, [rows, length])), .tensor(try Self.tensor(mask, [rows, length])),
        .tensor(try Self.tensor((0..<Int32(length)).map { $0 }, [length]))))
    let parts = outputs.leaves.compactMap { $0 }.map(Self.floats)
    let width = configuration.hiddenSize
    return texts.indices.map { row in
      let vector = parts.flatMap { $0[row * width..<(row + 1) * width] }
      return sentences.normalizes ? Self.normalized(vector) : vector
    }
  }

  private static func tensor(_ values: [Int32], _ shape: [Int]) throws -> Tensor {
    try values.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: .int32) }
  }

  private static func floats(_ tensor: Tensor) -> [Float] {
    if tensor.dtype == .float32 { return tensor.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }
    return tensor.scalars().map(Float.init)
  }

  private static func normalized(_ vector: [Float]) -> [Float] {
    let length = vector.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    return vector.map { Float(Double($0) / max(length, 1e-12)) }
  }
}
