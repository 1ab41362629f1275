import MezzoBackend
import MezzoGraph
public import MezzoPolicy

/// Several attentions side by side, each with projections of its own (Vaswani et al., NIPS 2017): query `[batch,
/// queries, dim]`, value `[batch, keys, …]` and perhaps key, by default the value `-> [batch, queries, dim]`.
///
/// Sublayers `query`, `key`, `value` `[dim, heads, keyDim]` and `attention_output` `[heads, valueDim, dim]`, each with
/// a bias if asked for. The named argument `attention_mask` broadcasts to `[batch, queries, keys]`, or is `[batch,
/// heads, queries, keys]`. Scores and their softmax are in at least float32; no mask makes NaN, not even one that hides
/// every key. Masks that query, value and key carry
/// count beside it.
///
/// To decode step by step, `cache` and `position` are given by name: keys and values of the places so far `[batch, length,
/// heads, dim]`, and the place of the first query, an integer scalar. The query then has the new places alone, as have value
/// and key; the result is an array of the output, the keys and the values with the new places. Each step gives what a causal
/// pass over all places gives there. Places beyond the cache's length make the output NaN. See
/// ``emptyCache(batch:length:)``.
///
/// ```swift
/// let attention = MultiHeadAttention(numHeads: 8, keyDim: 64, isCausal: true)
/// let x = try Tensor(zeros: TensorType(.float32, [2, 10, 32]))
/// let output = try Model(attention)(Arguments(.tensor(x), .tensor(x))).tensor  // float32[2, 10, 32]
/// ```
public struct MultiHeadAttention: MaskPassing, Hashable {
  public var numHeads: Int
  /// The extent of a query and a key in one head.
  public var keyDim: Int
  /// The extent of a value in one head; by default that of a key.
  public var valueDim: Int?
  /// Of the attention weights, in training.
  public var dropout: Double
  public var useBias: Bool
  /// The last extent of the output; by default the query's.
  public var outputDim: Int?
  /// Whether a query sees no keys that come later.
  public var isCausal: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  /// Of the kernels of all projections, as the ones that follow are of theirs.
  public var kernelRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var activityRegularizer: Regularizer?
  public var kernelConstraint: Constraint?
  public var biasConstraint: Constraint?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    numHeads: Int, keyDim: Int, valueDim: Int? = nil, dropout: Double = 0, useBias: Bool = true, outputDim: Int? = nil,
    isCausal: Bool = false, kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.numHeads = numHeads
    self.keyDim = keyDim
    self.valueDim = valueDim
    self.dropout = dropout
    self.useBias = useBias
    self.outputDim = outputDim
    self.isCausal = isCausal
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelRegularizer = kernelRegularizer
    self.biasRegularizer = biasRegularizer
    self.activityRegularizer = activityRegularizer
    self.kernelConstraint = kernelConstraint
    self.biasConstraint = biasConstraint
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    try context.multiHeadAttention(
      inputs, heads: (numHeads, numHeads), dims: (keyDim, valueDim ?? keyDim), dropout: dropout, isCausal: isCausal,
      outputDim: outputDim
    ) { equation, shape, biasAxes in
      EinsumDense(
        equation, outputShape: shape, biasAxes: useBias ? biasAxes : nil, kernelInitializer: kernelInitializer,
        biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer, biasRegularizer: biasRegularizer,
        activityRegularizer: activityRegularizer, kernelConstraint: kernelConstraint, biasConstraint: biasConstraint)
    }
  }
}

/// ``MultiHeadAttention`` whose keys and values are shared by groups of query heads (Ainslie et al., EMNLP 2023).
/// Arguments, masks and sublayers are the same; `key` and `value` have as many heads as there are groups.
///
/// ```swift
/// let attention = GroupedQueryAttention(headDim: 64, numQueryHeads: 8, numKeyValueHeads: 2)
/// let x = try Tensor(zeros: TensorType(.float32, [2, 10, 32]))
/// let output = try Model(attention)(Arguments(.tensor(x), .tensor(x))).tensor  // float32[2, 10, 32]
/// ```
public struct GroupedQueryAttention: MaskPassing, Hashable {
  public var headDim: Int
  public var numQueryHeads: Int
  /// Divides the number of query heads.
  public var numKeyValueHeads: Int
  /// Of the attention weights, in training.
  public var dropout: Double
  public var useBias: Bool
  /// Whether a query sees no keys that come later.
  public var isCausal: Bool
  public var kernelInitializer: Initializer
  public var biasInitializer: Initializer
  /// Of the kernels of all projections, as the ones that follow are of theirs.
  public var kernelRegularizer: Regularizer?
  public var biasRegularizer: Regularizer?
  public var activityRegularizer: Regularizer?
  public var kernelConstraint: Constraint?
  public var biasConstraint: Constraint?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    headDim: Int, numQueryHeads: Int, numKeyValueHeads: Int, dropout: Double = 0, useBias: Bool = true,
    isCausal: Bool = false, kernelInitializer: Initializer = .glorotUniform, biasInitializer: Initializer = .zeros,
    kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil,
    activityRegularizer: Regularizer? = nil, kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil,
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.headDim = headDim
    self.numQueryHeads = numQueryHeads
    self.numKeyValueHeads = numKeyValueHeads
    self.dropout = dropout
    self.useBias = useBias
    self.isCausal = isCausal
    self.kernelInitializer = kernelInitializer
    self.biasInitializer = biasInitializer
    self.kernelRegularizer = kernelRegularizer
    self.biasRegularizer = biasRegularizer
    self.activityRegularizer = activityRegularizer
    self.kernelConstraint = kernelConstraint
    self.biasConstraint = biasConstraint
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    try context.multiHeadAttention(
      inputs, heads: (numQueryHeads, numKeyValueHeads), dims: (headDim, headDim), dropout: dropout, isCausal: isCausal,
      outputDim: nil
    ) { equation, shape, biasAxes in
      EinsumDense(
        equation, outputShape: shape, biasAxes: useBias ? biasAxes : nil, kernelInitializer: kernelInitializer,
        biasInitializer: biasInitializer, kernelRegularizer: kernelRegularizer, biasRegularizer: biasRegularizer,
        activityRegularizer: activityRegularizer, kernelConstraint: kernelConstraint, biasConstraint: biasConstraint)
    }
  }
}

extension LayerContext {
  func multiHeadAttention(
    _ inputs: LayerInputs, heads: (query: Int, value: Int), dims: (key: Int, value: Int), dropout: Double,
    isCausal: Bool,
    outputDim: Int?, _ projection: (_ equation: String, _ shape: [Int?], _ biasAxes: String) -> EinsumDense
  ) throws -> TensorTree {
    let tensors = try tensors(inputs, count: 2...3, named: ["attention_mask", "cache", "position"])
    let (query, value, key) = (tensors[0], tensors[1], tensors[tensors.count - 1])
    for tensor in tensors { try require(tensor, rank: 3, "[batch, places, dim]") }
    guard tensors.allSatisfy({ $0.shape[0] == query.shape[0] }), key.shape[1] == value.shape[1] else {
      throw LayerError.inputs(
        layer: path, expected: "one batch, and as many keys as values",
        found: tensors.map(\.type.description).joined(separator: " and "))
    }
    try require(
      heads.value > 0 && heads.query % max(heads.value, 1) == 0 && heads.query > 0 && dims.key > 0 && dims.value > 0,
      "heads and dims of 1 or more, and key heads that divide the query heads", "\(heads) heads of \(dims)")
    let (batch, queries) = (query.shape[0], query.shape[1])
    // Query heads of one group side by side, against keys and values that are repeated by strides alone.
    let group = heads.query / heads.value
    func projected(_ x: SymbolicTensor, _ name: String, perGroup: Int, _ dim: Int) throws -> SymbolicTensor {
      let y = try call(projection("abc,cde->abde", [nil, heads.value * perGroup, dim], "de"), x, name: name)
      return try y.reshaped([batch, y.shape[1], heads.value, perGroup, dim])
    }
    /// One head after the other: `[batch, heads, group, places, dim]`.
    func byHead(_ x: SymbolicTensor) throws -> SymbolicTensor {
      let heads = try x.transposed([0, 2, 3, 1, 4])
      var shape = heads.shape
      shape[2] = group
      return try heads.broadcast(to: shape)
    }
    let q = try projected(query, "query", perGroup: group, dims.key)
    var k = try projected(key, "key", perGroup: 1, dims.key)
    var v = try projected(value, "value", perGroup: 1, dims.value)
    let cache = try KeyValueCache(inputs, batch: batch, heads: heads.value, dims: dims, self)
    var written: [SymbolicTensor] = []
    if let cache {
      try cache.require(queries: queries, keys: key.shape[1], self)
      let all = try cache.adding(
        keys: k.reshaped([batch, queries, heads.value, dims.key]),
        values: v.reshaped([batch, queries, heads.value, dims.value]), self)
      k = try all.keys.reshaped([batch, all.keys.shape[1], heads.value, 1, dims.key])
      v = try all.values.reshaped([batch, all.keys.shape[1], heads.value, 1, dims.value])
      written = [all.keys, all.values]
    }
    let given = try optional("attention_mask", inputs).map { mask in
      switch mask.rank {
      case 4 where mask.shape[1] == 1: try mask.reshaped([mask.shape[0], 1, 1, mask.shape[2], mask.shape[3]])
      case 4 where mask.shape[1] == heads.query:
        try mask.reshaped([mask.shape[0], heads.value, group, mask.shape[2], mask.shape[3]])
      case 3: try mask.reshaped([mask.shape[0], 1, 1, mask.shape[1], mask.shape[2]])
      case 2: mask
      default:
        throw LayerError.inputs(
          layer: path, expected: "an attention_mask that broadcasts to [batch, queries, keys]", found: "\(mask.type)")
      }
    }
    let order = try cache?.seen(queries: queries, isCausal: isCausal, self)
    // Masks over the new places alone say nothing about those in a cache.
    let carried = try cache == nil ? carriedMask(query, value, key) : nil
    let mask = try both(both(given, carried), order)
    var mixed = try attended(
      byHead(q), byHead(k), byHead(v), scale: 1 / Double(dims.key).squareRoot(), mask: mask,
      isCausal: isCausal && cache == nil, dropout: dropout
    ).transposed([0, 3, 1, 2, 4]).reshaped([batch, queries, heads.query, dims.value])
    if let cache { mixed = try mixed * cache.validity(queries: queries, dtype: mixed.dtype, self) }
    let output = projection("abde,dec->abc", [nil, outputDim ?? query.shape[2]], "c")
    let result = try call(output, mixed, name: "attention_output")
    return written.isEmpty ? .tensor(result) : .array(([result] + written).map { .tensor($0) })
  }

  /// What the masks that the tensors carry leave of `[batch, heads, group, queries, keys]`.
  private func carriedMask(
    _ query: SymbolicTensor, _ value: SymbolicTensor, _ key: SymbolicTensor
  ) throws -> SymbolicTensor? {
    let rows = try mask(of: query).map { try $0.reshaped([$0.shape[0], 1, 1, $0.shape[1], 1]) }
    let columns = try [value, key].map { x in
      try mask(of: x).map { try $0.reshaped([$0.shape[0], 1, 1, 1, $0.shape[1]]) }
    }
    return try both(rows, key.id == value.id ? columns[0] : both(columns[0], columns[1]))
  }
}
