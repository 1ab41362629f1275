import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// The keys and the values of the places that an attention has seen, for decoding step by step: both
/// `[batch, length, heads, dim]`, of which the first `position` places are filled.
struct KeyValueCache {
  private let keys: SymbolicTensor
  private let values: SymbolicTensor
  /// float32, in which every place counts exactly.
  private let position: SymbolicTensor

  private var length: Int { keys.shape[1] }

  /// Nil without the named arguments `cache` and `position`.
  ///
  /// - Throws: ``LayerError/inputs(layer:expected:found:)`` for one of the two alone, and for other shapes.
  init?(_ inputs: LayerInputs, batch: Int, heads: Int, dims: (key: Int, value: Int), _ context: LayerContext) throws {
    guard let cache = inputs.named["cache"] else {
      guard inputs.named["position"] == nil else {
        throw LayerError.inputs(layer: context.path, expected: "a cache beside the position", found: "none")
      }
      return nil
    }
    guard case .array(let parts) = cache, parts.count == 2, let keys = parts[0].tensor, let values = parts[1].tensor,
      keys.rank == 4, keys.shape[1] > 0, keys.shape == [batch, keys.shape[1], heads, dims.key],
      values.shape == [batch, keys.shape[1], heads, dims.value]
    else {
      throw LayerError.inputs(
        layer: context.path,
        expected: "a cache of keys [\(batch), length, \(heads), \(dims.key)] and values […, \(dims.value)]",
        found: cache.leaves.map { $0.map { "\($0.type)" } ?? "nothing" }.joined(separator: " and "))
    }
    guard let position = try context.optional("position", inputs), position.shape.isEmpty, position.dtype.isInteger
    else {
      throw LayerError.inputs(
        layer: context.path, expected: "an integer scalar as the position of the first query",
        found: try context.optional("position", inputs).map { "\($0.type)" } ?? "none")
    }
    self.keys = keys
    self.values = values
    self.position = try position.cast(to: .float32)
  }

  /// - Throws: ``LayerError/inputs(layer:expected:found:)`` where there is not one new key for each query.
  func require(queries: Int, keys: Int, _ context: LayerContext) throws(LayerError) {
    guard queries == keys, queries > 0, queries <= length else {
      throw .inputs(
        layer: context.path, expected: "as many queries as new keys, from 1 up to the \(length) places of the cache",
        found: "\(queries) and \(keys)")
    }
  }

  /// The cache with new places from `position` on, each `[batch, places, heads, dim]`.
  func adding(keys newKeys: SymbolicTensor, values newValues: SymbolicTensor, _ context: LayerContext) throws
    -> (keys: SymbolicTensor, values: SymbolicTensor)
  {
    let count = newKeys.shape[1]
    let offset = try context.places(length) - position
    let zero = try context.trace.constant(0, dtype: .float32)
    let last = try context.trace.constant(Double(count - 1), dtype: .float32)
    let isNew = try zero.isLessOrEqual(offset).and(offset.isLessOrEqual(last)).reshaped([1, length, 1, 1])
    let index = try offset.maximum(zero).minimum(last).cast(to: .int32)
    func added(_ new: SymbolicTensor, to old: SymbolicTensor) throws -> SymbolicTensor {
      let placed = try count == 1 ? new : new.transposed([1, 0, 2, 3]).gather(index).transposed([1, 0, 2, 3])
      return try isNew.select(placed.cast(to: old.dtype), old)
    }
    return (try added(newKeys, to: keys), try added(newValues, to: values))
  }

  /// `bool[queries, length]`: what has been written, and of that what comes no later than the query if `isCausal`.
  func seen(queries: Int, isCausal: Bool, _ context: LayerContext) throws -> SymbolicTensor {
    let last =
      try isCausal
      ? context.places(queries).reshaped([queries, 1]) + position
      : (position + Double(queries - 1)).broadcast(to: [queries, 1])
    return try context.places(length).reshaped([1, length]).isLessOrEqual(last)
  }

  /// 1 where all new places lie within the cache, else NaN: what does not fit would be missed in silence.
  func validity(queries: Int, dtype: DType, _ context: LayerContext) throws -> SymbolicTensor {
    let zero = try context.trace.constant(0, dtype: .float32)
    let room = try context.trace.constant(Double(length - queries), dtype: .float32)
    let fits = try zero.isLessOrEqual(position).and(position.isLessOrEqual(room)).cast(to: .float32)
    return try (fits / fits).cast(to: dtype)
  }
}

extension MultiHeadAttention {
  /// A cache of nothing, to decode up to `length` places step by step:
  ///
  /// ```swift
  /// let attention = MultiHeadAttention(numHeads: 2, keyDim: 4, isCausal: true)
  /// let model = Model(attention)
  /// var cache = try attention.emptyCache(batch: 1, length: 512)
  /// for position in 0..<3 {
  ///   let token = try Tensor(zeros: TensorType(.float32, [1, 1, 8]))
  ///   let given = try Tree.tensor(Tensor(Double(position), dtype: .int32))
  ///   let results = try model(Arguments(.tensor(token), .tensor(token), named: ["cache": cache, "position": given]))
  ///   guard case .array(let parts) = results else { break }
  ///   cache = .array(Array(parts.dropFirst()))  // parts[0] is the output
  /// }
  /// ```
  public func emptyCache(batch: Int, length: Int) throws -> Tree<Tensor> {
    try .emptyCache(batch, length, heads: numHeads, dims: [keyDim, valueDim ?? keyDim], policy)
  }
}

extension GroupedQueryAttention {
  /// A cache of nothing for up to `length` places; see ``MultiHeadAttention/emptyCache(batch:length:)``.
  public func emptyCache(batch: Int, length: Int) throws -> Tree<Tensor> {
    try .emptyCache(batch, length, heads: numKeyValueHeads, dims: [headDim, headDim], policy)
  }
}

extension Tree<Tensor> {
  fileprivate static func emptyCache(
    _ batch: Int, _ length: Int, heads: Int, dims: [Int], _ policy: DTypePolicy
  ) throws -> Tree {
    let dtype = policy.computeDType.flatMap { $0.isFloatingPoint ? $0 : nil } ?? .float32
    return .array(try dims.map { .tensor(try Tensor(zeros: TensorType(dtype, [batch, length, heads, $0]))) })
  }
}
