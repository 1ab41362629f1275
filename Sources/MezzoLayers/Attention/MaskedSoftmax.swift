package import MezzoGraph
import MezzoPolicy

extension LayerContext {
  /// Softmax over what a mask leaves, in at least float32 and given as that.
  ///
  /// In TensorFlow −10⁹ is added to what is masked, so that where all is masked all are as probable as each other.
  /// Keras 3 puts −10⁹ in its place, and 0 for the probability of what is masked.
  ///
  /// - Parameter mask: true or not 0 for what counts; broadcasts to the logits.
  func maskedSoftmax(_ logits: SymbolicTensor, _ mask: SymbolicTensor?, axis: Int = -1) throws -> SymbolicTensor {
    let logits = try logits.atLeastFloat32()
    guard let mask else { return try logits.softmax(axis: axis) }
    guard dialect == .keras3 else {
      let masked = try logits + (1 - mask.cast(to: logits.dtype)) * -1e9
      guard masked.shape == logits.shape else {
        throw LayerError.inputs(
          layer: path, expected: "a mask that broadcasts to \(logits.type)", found: "\(mask.type)")
      }
      return try masked.softmax(axis: axis)
    }
    let isSeen = try mask.cast(to: .bool)
    let masked = try isSeen.select(logits, trace.constant(-1e9, dtype: logits.dtype))
    guard masked.shape == logits.shape else {
      throw LayerError.inputs(layer: path, expected: "a mask that broadcasts to \(logits.type)", found: "\(mask.type)")
    }
    return try isSeen.select(masked.softmax(axis: axis), trace.constant(0, dtype: logits.dtype))
  }

  /// Values weighted by the softmax of their scores, over what a mask leaves: `[…, queries, keys] [… , keys, dim] ->
  /// [… , queries, dim]`, in the dtype of the values.
  ///
  /// - Parameter dropout: the fraction of the weights that training leaves out.
  package func attended(
    _ values: SymbolicTensor, scores: SymbolicTensor, mask: SymbolicTensor?, dropout: Double
  ) throws -> SymbolicTensor {
    let weights = try maskedSoftmax(scores, mask).cast(to: values.dtype)
    return try dropped(weights, rate: dropout).matmul(values)
  }

  /// Values weighted by how well their keys fit the queries: `[…, queries, dim] [… , keys, dim] [… , keys, width] ->
  /// [… , queries, width]`, in the dtype of the values. As one operation, without a matrix of scores, where nothing
  /// stands against it.
  ///
  /// - Parameters:
  ///   - scale: of the products of queries and keys.
  ///   - mask: true or not 0 for what counts; broadcasts to `[…, queries, keys]`.
  ///   - isCausal: whether a query sees no keys that come later.
  ///   - dropout: the fraction of the weights that training leaves out.
  package func attended(
    _ query: SymbolicTensor, _ key: SymbolicTensor, _ value: SymbolicTensor, scale: Double, mask: SymbolicTensor?,
    isCausal: Bool = false, dropout: Double
  ) throws -> SymbolicTensor {
    let scores = Array(query.shape.dropLast()) + [key.shape[key.rank - 2]]
    let isWhole =
      try rate(dropout, value) == nil && trace.precision == .ofOperands && query.dtype == key.dtype
      && query.dtype == value.dtype && (mask.map { broadcasts($0.shape, to: scores) } ?? true)
    guard isWhole else {
      let order = try isCausal ? causalMask(queries: query.shape[query.rank - 2], keys: scores[scores.count - 1]) : nil
      let products = try (scale == 1 ? query : query * scale).matmul(key.transposed()).atLeastFloat32()
      return try attended(value, scores: products, mask: both(mask, order), dropout: dropout)
    }
    guard let mask else {
      return try query.attention(keys: key, values: value, scale: scale, isCausal: isCausal)
    }
    let order = try isCausal ? causalMask(queries: query.shape[query.rank - 2], keys: scores[scores.count - 1]) : nil
    let bias = try bias(of: both(mask, order) ?? mask, dtype: query.dtype == .float64 ? .float64 : .float32)
    return try query.attention(keys: key, values: value, bias: bias, scale: scale)
  }

  private func broadcasts(_ shape: [Int], to whole: [Int]) -> Bool {
    shape.count <= whole.count && zip(shape.reversed(), whole.reversed()).allSatisfy { $0 == 1 || $0 == $1 }
  }

  /// What added to the scores has the effect of a mask, as ``maskedSoftmax(_:_:axis:)`` says it.
  private func bias(of mask: SymbolicTensor, dtype: DType) throws -> SymbolicTensor {
    guard dialect == .keras3 else { return try (1 - mask.cast(to: dtype)) * -1e9 }
    return try mask.cast(to: .bool).select(
      trace.constant(0, dtype: dtype), trace.constant(-.infinity, dtype: dtype))
  }

  /// `bool[queries, keys]`, true where a key comes no later than the query.
  func causalMask(queries: Int, keys: Int) throws -> SymbolicTensor {
    try places(keys).reshaped([1, keys]).isLessOrEqual(places(queries).reshaped([queries, 1]))
  }

  /// `float32[n]`, 0, 1, 2 …
  func places(_ n: Int) throws -> SymbolicTensor {
    // Sums of ones up to each place, by doubling: known when the plan is made.
    var sums = try trace.constant(1, dtype: .float32).broadcast(to: [n])
    var reach = 1
    while reach < n {
      sums = try sums + sums.padded(low: [reach], high: [-reach])
      reach *= 2
    }
    return try sums - 1
  }

  /// Both masks, where both are there.
  func both(_ first: SymbolicTensor?, _ second: SymbolicTensor?) throws -> SymbolicTensor? {
    guard let first, let second else { return first ?? second }
    return try first.cast(to: .float32) * second.cast(to: .float32)
  }

  /// In training, a fraction of the elements set to 0 and the others made larger.
  func dropped(_ x: SymbolicTensor, rate: Double) throws -> SymbolicTensor {
    guard let rate = try self.rate(rate, x) else { return x }
    return try isKept(x.shape, rate: rate).select(x * (1 / (1 - rate)), trace.constant(0, dtype: x.dtype))
  }
}
