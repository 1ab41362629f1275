import MezzoGraph
public import MezzoLayers
public import MezzoPolicy

/// The encoder of BERT (Devlin et al., arXiv 1810.04805): `int[batch, length] -> [batch, length, hidden]`, the vectors of
/// the tokens after the last layer, in the compute dtype.
///
/// Called with the ids, the mask (1 where a token is, 0 where padding is) and the positions `int[length]`, and if there is
/// more than one kind of sequence `types` `int[batch, length]`; without, all are of kind 0. Layers are named as in Hugging
/// Face's transformers, so that a weight there and a variable here have one name but for the last part, and one shape.
public struct BERT: Layer, Hashable {
  public var configuration: BERTConfiguration
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ configuration: BERTConfiguration, name: String? = nil, policy: DTypePolicy? = nil) {
    self.configuration = configuration
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    guard inputs.positional.count == 3, let ids = inputs.positional[0].tensor, let mask = inputs.positional[1].tensor,
      let positions = inputs.positional[2].tensor, ids.rank == 2, mask.shape == ids.shape,
      positions.shape == [ids.shape[1]]
    else {
      throw LayerError.inputs(
        layer: context.path, expected: "ids [batch, length], a mask [batch, length] and positions [length]",
        found: inputs.leaves.map { $0.map { "\($0.type)" } ?? "nothing" }.joined(separator: ", "))
    }
    var hidden = try embeddings(ids, positions: positions, types: inputs.named["types"]?.tensor, context)
    let block = BERTBlock(configuration: configuration, policy: policy)
    for index in 0..<configuration.layers {
      let output = try context.call(
        block, LayerInputs(.tensor(hidden), .tensor(mask)), name: "encoder.layer.\(index)")
      hidden = output.tensor ?? hidden
    }
    return .tensor(hidden)
  }

  /// A dense layer whose kernel is `[units, inputs]`, as its files have it, so that it can stay there.
  static func dense(_ units: Int, _ policy: DTypePolicy, activation: ActivationFunction = .linear) -> EinsumDense {
    EinsumDense(
      "...i,oi->...o", outputShape: [units], activation: activation, biasAxes: "o", policy: policy)
  }

  private func embeddings(
    _ ids: SymbolicTensor, positions: SymbolicTensor, types: SymbolicTensor?, _ context: LayerContext
  ) throws -> SymbolicTensor {
    func table(_ rows: Int, _ indices: SymbolicTensor, _ name: String) throws -> SymbolicTensor {
      try context.call(
        Embedding(inputDim: rows, outputDim: configuration.hiddenSize, policy: policy), indices,
        name: "embeddings.\(name)")
    }
    let types = try types ?? context.trace.constant(0, dtype: .int32)
    var sum = try table(configuration.vocabularySize, ids, "word_embeddings")
    sum = try sum + table(configuration.types, types, "token_type_embeddings")
    sum = try sum + table(configuration.positions, positions, "position_embeddings")
    sum = try context.call(
      LayerNormalization(epsilon: configuration.epsilon, policy: policy), sum, name: "embeddings.LayerNorm")
    return try context.call(Dropout(configuration.hiddenDropout, policy: policy), sum, name: "embeddings.dropout")
  }
}
