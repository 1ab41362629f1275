import MezzoBackend
public import MezzoCheckpoint

extension BERTConfiguration {
  /// What the shapes of the weights of a BERT-family encoder say, for a directory without `config.json`.
  ///
  /// - Parameter heads: of attention, which no shape tells.
  /// - Throws: ``PretrainedError`` if the weights are not those of such an encoder, or `heads` does not divide its width.
  public init(weights: SafetensorsShards, heads: Int) throws {
    let prefix = weights.names.contains { $0.hasPrefix("bert.") } ? "bert." : ""
    func sizes(_ name: String) throws -> (Int, Int) {
      let shape = try weights.type(of: "\(prefix)\(name).weight")?.shape ?? []
      guard shape.count == 2 else {
        throw PretrainedError.malformed(
          path: weights.path, expected: "\(prefix)\(name).weight of two extents",
          found: shape.isEmpty ? "none" : "\(shape)")
      }
      return (shape[0], shape[1])
    }
    let (vocabulary, width) = try sizes("embeddings.word_embeddings")
    guard heads > 0, width % heads == 0 else {
      throw PretrainedError.malformed(
        path: weights.path, expected: "a number of heads that divides the width \(width)", found: "\(heads)")
    }
    let names = Set(weights.names)
    let layers = (0...).first { !names.contains("\(prefix)encoder.layer.\($0).intermediate.dense.weight") } ?? 0
    self.init(
      vocabularySize: vocabulary, hiddenSize: width, layers: layers, heads: heads,
      intermediateSize: layers == 0 ? width : try sizes("encoder.layer.0.intermediate.dense").0,
      positions: try sizes("embeddings.position_embeddings").0,
      types: try sizes("embeddings.token_type_embeddings").0)
  }
}
