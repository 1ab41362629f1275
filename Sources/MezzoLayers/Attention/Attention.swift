import MezzoBackend
import MezzoGraph
public import MezzoPolicy

/// Values weighted by how well their keys fit a query, by the product of both (Luong et al., EMNLP 2015): query
/// `[batch, queries, dim]`, value `[batch, keys, dim]` and perhaps key, by default the value `-> [batch, queries,
/// dim]`.
///
/// Named arguments `query_mask` `[batch, queries]` and `value_mask` `[batch, keys]`: queries that are masked give 0,
/// keys that are masked count nothing. Without them, the masks that the query and the value carry count. Scores and their
/// softmax are computed in at least float32.
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
  /// How well a key fits a query.
  public enum ScoreMode: String, AddedSetting, CaseIterable {
    /// By the product of both.
    case dot
    /// By `concat_score_weight · Σ tanh(scale · (query + key))`, with a learned weight.
    case concat

    public init() { self = .dot }
  }

  /// Whether scores, or with `concat` the sums in them, are multiplied with a learned `scale`.
  public var useScale: Bool
  @AddedLater public var scoreMode: ScoreMode
  /// Whether a query sees no keys that come later.
  public var isCausal: Bool
  public var dropout: Double
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    useScale: Bool = false, scoreMode: ScoreMode = .dot, isCausal: Bool = false, dropout: Double = 0,
    name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.useScale = useScale
    self.scoreMode = scoreMode
    self.isCausal = isCausal
    self.dropout = dropout
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    guard useScale || scoreMode == .concat else {
      return try context.attention(inputs, isCausal: isCausal, dropout: dropout, score: nil)
    }
    return try context.attention(inputs, isCausal: isCausal, dropout: dropout) { query, key in
      switch scoreMode {
      case .dot: return try scaled(query.matmul(key.transposed()).atLeastFloat32(), context)
      case .concat:
        let sums = try scaled(query.sums(with: key), context).tanh().sum(axes: [-1])
        return try sums
          * context.variable("concat_score_weight", shape: [], initializer: .ones).cast(to: sums.dtype)
      }
    }
  }

  private func scaled(_ x: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard useScale else { return x }
    return try x * context.variable("scale", shape: [], initializer: .ones).cast(to: x.dtype)
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
      var terms = try query.sums(with: key).tanh()
      if useScale {
        terms = try terms * context.variable("scale", shape: [query.shape[2]]).cast(to: terms.dtype)
      }
      return try terms.sum(axes: [-1])
    }
  }
}

extension SymbolicTensor {
  /// Each query `[batch, queries, dim]` plus each key `[batch, keys, dim]`: `[batch, queries, keys, dim]`.
  fileprivate func sums(with key: SymbolicTensor) throws -> SymbolicTensor {
    try atLeastFloat32().reshaped([shape[0], shape[1], 1, shape[2]])
      + key.atLeastFloat32().reshaped([key.shape[0], 1, key.shape[1], key.shape[2]])
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
