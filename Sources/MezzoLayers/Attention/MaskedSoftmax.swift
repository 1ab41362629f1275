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
