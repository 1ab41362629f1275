import MezzoBackend
import MezzoGraph
public import MezzoPolicy

/// Values weighted by how well their keys fit a query, by the product of both (Luong et al., EMNLP 2015): query
/// `[batch, queries, dim]`, value `[batch, keys, dim]` and perhaps key, by default the value `-> [batch, queries,
/// dim]`.
///
/// Named arguments `query_mask` `[batch, queries]` and `value_mask` `[batch, keys]`: queries that are masked give 0,
/// keys that are masked count nothing. Without them, the masks that the query and the value carry count. Scores and their softmax are computed in at least float32.
///
/// ```swift
/// let query = try Tensor(zeros: TensorType(.float32, [2, 3, 8]))
/// let value = try Tensor(zeros: TensorType(.float32, [2, 5, 8]))
/// let mask = try Tensor([1, 1, 1, 0, 0, 1, 1, 1, 1, 1], shape: [2, 5], dtype: .bool)
/// let read = try Model(Attention())(
///   Arguments(.array([.tensor(query), .tensor(value)]), named: ["value_mask": .tensor(mask)]))
/// let output = read.tensor  // float32[2, 3, 8]
/// ```
public struct Attention: MaskPassing, Hashable {
  /// Whether scores are multiplied with a learned `scale`.
  public var useScale: Bool
  /// Whether a query sees no keys that come later.
  public var isCausal: Bool
  public var dropout: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    useScale: Bool = false, isCausal: Bool = false, dropout: Double = 0, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.useScale = useScale
    self.isCausal = isCausal
    self.dropout = dropout
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    guard useScale else { return try context.attention(inputs, isCausal: isCausal, dropout: dropout, score: nil) }
    return try context.attention(inputs, isCausal: isCausal, dropout: dropout) { query, key in
      let scores = try query.matmul(key.transposed()).atLeastFloat32()
      return try scores * context.variable("scale", shape: [], initializer: .ones).cast(to: scores.dtype)
    }
  }
}

/// Values weighted by how well their keys fit a query, by `Σ scale · tanh(query + key)` (Bahdanau, Cho and Bengio, ICLR
/// 2015). Arguments and masks are those of ``Attention``; `scale` is `[dim]`.
///
/// ```swift
/// let query = try Tensor(zeros: TensorType(.float32, [2, 3, 8]))
/// let value = try Tensor(zeros: TensorType(.float32, [2, 5, 8]))
/// let read = try Model(AdditiveAttention())(Arguments(.array([.tensor(query), .tensor(value)])))
/// let output = read.tensor  // float32[2, 3, 8]
/// ```
public struct AdditiveAttention: MaskPassing, Hashable {
  /// Whether there is a learned `scale`.
  public var useScale: Bool
  /// Whether a query sees no keys that come later.
  public var isCausal: Bool
  public var dropout: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    useScale: Bool = true, isCausal: Bool = false, dropout: Double = 0, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.useScale = useScale
    self.isCausal = isCausal
    self.dropout = dropout
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    try context.attention(inputs, isCausal: isCausal, dropout: dropout) { query, key in
      let (q, k) = (query.shape, key.shape)
      let sum =
        try query.atLeastFloat32().reshaped([q[0], q[1], 1, q[2]])
        + key.atLeastFloat32().reshaped([k[0], 1, k[1], k[2]])
      var terms = try sum.tanh()
      if useScale {
        terms = try terms * context.variable("scale", shape: [q[2]]).cast(to: terms.dtype)
      }
      return try terms.sum(axes: [-1])
    }
  }
}

extension LayerContext {
  /// What the attentions of one head have in common.
  ///
  /// - Parameter score: nil for the products of queries and keys.
  func attention(
    _ inputs: LayerInputs, isCausal: Bool, dropout: Double,
    score: ((_ query: SymbolicTensor, _ key: SymbolicTensor) throws -> SymbolicTensor)?
  ) throws -> TensorTree {
    let given = try tensors(inputs, count: 2...3, named: ["query_mask", "value_mask"])
    let tensors = try given.map { try $0.dtype.isFloatingPoint ? $0 : $0.cast(to: .float32) }
    let (query, value, key) = (tensors[0], tensors[1], tensors[tensors.count - 1])
    for tensor in tensors { try require(tensor, rank: 3, "[batch, places, dim]") }
    guard tensors.allSatisfy({ $0.shape[0] == query.shape[0] }), query.shape[2] == key.shape[2],
      key.shape[1] == value.shape[1]
    else {
      throw LayerError.inputs(
        layer: path, expected: "a query and keys of one dim, and as many keys as values",
        found: tensors.map(\.type.description).joined(separator: " and "))
    }
    let (batch, queries, keys) = (query.shape[0], query.shape[1], key.shape[1])
    let seen = try (optional("value_mask", inputs) ?? mask(of: given[1])).map { try $0.reshaped([batch, 1, keys]) }
    var output: SymbolicTensor
    if let score {
      let causal = try isCausal ? causalMask(queries: queries, keys: keys) : nil
      output = try attended(value, scores: score(query, key), mask: both(seen, causal), dropout: dropout)
    } else {
      output = try attended(query, key, value, scale: 1, mask: seen, isCausal: isCausal, dropout: dropout)
    }
    if let mask = try optional("query_mask", inputs) ?? mask(of: given[0]) {
      output = try output * mask.cast(to: output.dtype).reshaped([batch, queries, 1])
    }
    return .tensor(output)
  }
}
