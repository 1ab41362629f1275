import MezzoBackend
import MezzoGraph
import MezzoPolicy

extension Metric.Kind {
  /// The value for each example, `[batch, …]`; for ``sum`` and ``mean`` of each element.
  func values(_ output: SymbolicTensor, target: SymbolicTensor?, dtype: DType) throws -> SymbolicTensor {
    guard let target else { return try output.cast(to: dtype) }
    switch self {
    case .loss(let function): return try function.terms(output.cast(to: dtype), target: target).values.cast(to: dtype)
    case .cosineSimilarity:
      return try LossFunction.cosineSimilarity.terms(output.cast(to: dtype), target: target).values.negated()
        .cast(to: dtype)
    case .rootMeanSquaredError:
      return try LossFunction.meanSquaredError.terms(output.cast(to: dtype), target: target).values.cast(to: dtype)
    case .accuracy:
      return try output.isEqual(target.aligned(with: output, for: className)).meanOfRows(dtype)
    case .binaryAccuracy(let threshold):
      let output = try output.atLeastFloat32()
      let target = try target.aligned(with: output, for: className)
      let half = try output.trace.constant(0.5, dtype: output.dtype)
      let limit = try output.trace.constant(threshold, dtype: output.dtype)
      return try limit.isLess(output).cast(to: dtype).isEqual(half.isLess(target).cast(to: dtype)).meanOfRows(dtype)
    case .categoricalAccuracy:
      let target = try target.aligned(with: output, for: className)
      return try output.argMax().isEqual(target.argMax()).cast(to: dtype)
    case .sparseCategoricalAccuracy:
      let labels = try target.labels(of: output, for: className)
      return try output.argMax().isEqual(labels.cast(to: .int32)).cast(to: dtype)
    case .topKCategoricalAccuracy(let k):
      let target = try target.aligned(with: output, for: className)
      return try Self.isAmongFirst(k, output, target.argMax(), dtype)
    case .sparseTopKCategoricalAccuracy(let k):
      return try Self.isAmongFirst(k, output, target.labels(of: output, for: className), dtype)
    case .pearsonCorrelation:
      let (p, t) = try Self.deviations(output, target, className)
      let spread = try ((p * p).mean(axes: [-1]) * (t * t).mean(axes: [-1])).sqrt()
      return try Self.ratio((p * t).mean(axes: [-1]), spread).cast(to: dtype)
    case .concordanceCorrelation:
      let (p, t) = try Self.deviations(output, target, className)
      let shift = try (output.cast(to: p.dtype) - target.cast(to: p.dtype)).mean(axes: [-1])
      let spread = try (p * p).mean(axes: [-1]) + (t * t).mean(axes: [-1]) + shift * shift
      return try Self.ratio((p * t).mean(axes: [-1]) * 2, spread).cast(to: dtype)
    default: return try output.cast(to: dtype)
    }
  }

  /// Of the means along the last axis.
  private static func deviations(
    _ output: SymbolicTensor, _ target: SymbolicTensor, _ name: String
  ) throws -> (SymbolicTensor, SymbolicTensor) {
    let p = try output.atLeastFloat32()
    let t = try target.aligned(with: p, for: name)
    return (try p - p.mean(axes: [-1], keepDims: true), try t - t.mean(axes: [-1], keepDims: true))
  }

  /// 0 where there is no spread.
  private static func ratio(_ part: SymbolicTensor, _ whole: SymbolicTensor) throws -> SymbolicTensor {
    let zero = try whole.trace.constant(0, dtype: whole.dtype)
    let one = try whole.trace.constant(1, dtype: whole.dtype)
    let isSpread = try zero.isLess(whole)
    return try isSpread.select(part / isSpread.select(whole, one), zero)
  }

  private static func isAmongFirst(
    _ k: Int, _ output: SymbolicTensor, _ labels: SymbolicTensor, _ dtype: DType
  ) throws -> SymbolicTensor {
    let output = try output.atLeastFloat32()
    let chosen = try labels.oneHot(depth: max(output.shape.last ?? 1, 1), dtype: output.dtype)
    let score = try (output * chosen).sum(axes: [-1], keepDims: true)
    let better = try score.isLess(output).cast(to: output.dtype).sum(axes: [-1])
    return try better.isLess(output.trace.constant(Double(k), dtype: output.dtype)).cast(to: dtype)
  }

  /// True and false positives and negatives at each threshold, in this order, `[thresholds]` each.
  func counts(
    _ output: SymbolicTensor, target: SymbolicTensor, thresholds: SymbolicTensor, weights: SymbolicTensor?, dtype: DType
  ) throws -> [SymbolicTensor] {
    let output = try output.atLeastFloat32()
    let target = try target.aligned(with: output, for: className)
    let count = output.shape.reduce(1, *)
    let half = try output.trace.constant(0.5, dtype: output.dtype)
    let isTrue = try half.isLess(target).cast(to: dtype).reshaped([1, count])
    let isPositive = try thresholds.cast(to: output.dtype).reshaped([thresholds.shape[0], 1])
      .isLess(output.reshaped([1, count])).cast(to: dtype)
    let share = try weights?.weighting(output).cast(to: dtype).reshaped([1, count])
    func sum(_ left: SymbolicTensor, _ right: SymbolicTensor) throws -> SymbolicTensor {
      let both = try left * right
      return try (share.map { try both * $0 } ?? both).sum(axes: [-1])
    }
    let (isFalse, isNegative) = (try 1 - isTrue, try 1 - isPositive)
    return [
      try sum(isPositive, isTrue), try sum(isPositive, isFalse), try sum(isNegative, isFalse),
      try sum(isNegative, isTrue),
    ]
  }
}

extension SymbolicTensor {
  /// Of truth values, the share in each example.
  fileprivate func meanOfRows(_ dtype: DType) throws -> SymbolicTensor {
    let numbers = try cast(to: dtype)
    return rank > 1 ? try numbers.mean(axes: [-1]) : numbers
  }
}
