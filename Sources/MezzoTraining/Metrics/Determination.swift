import MezzoGraph
import MezzoPolicy

/// How the scores of several outputs become one.
public enum ScoreAggregation: String, Codable, Sendable, Hashable, CaseIterable {
  case uniform = "uniform_average"
  /// Each by the variance of its targets.
  case varianceWeighted = "variance_weighted_average"
}

/// What `R2Score` counts: outputs and targets `[batch, outputs]`.
enum Determination {
  /// Of the targets the sum, the sum of squares, the sum of the squared errors and the number, `[outputs]` each; the number
  /// of examples, whatever they weigh.
  static func sums(
    _ output: SymbolicTensor, target: SymbolicTensor, weights: SymbolicTensor?, dtype: DType
  ) throws -> [SymbolicTensor] {
    let (p, t) = (try output.cast(to: dtype), try target.cast(to: dtype))
    let share =
      try weights?.weighting(p) ?? p.trace.constant(1, dtype: dtype).broadcast(to: p.shape)
    let error = try t - p
    return [
      try (t * share).sum(axes: [0]), try (t * t * share).sum(axes: [0]), try (error * error * share).sum(axes: [0]),
      try share.sum(axes: [0]), try p.trace.constant(Double(p.shape[0]), dtype: dtype),
    ]
  }

  /// - Parameter regressors: more than 0: adjusted for as many explaining variables, where there are examples enough.
  static func scores(_ sums: [[Double]], aggregation: ScoreAggregation?, regressors: Int) -> [Double] {
    let totals = sums[0].indices.map { place in
      sums[3][place] == 0 ? 0 : sums[1][place] - sums[0][place] * sums[0][place] / sums[3][place]
    }
    // Without variance there is nothing to explain.
    let each = zip(totals, sums[2]).map { total, error in total > 0 ? 1 - error / total : 0 }
    let scores: [Double]
    switch aggregation {
    case nil: scores = each
    case .uniform: scores = [each.isEmpty ? 0 : each.reduce(0, +) / Double(each.count)]
    case .varianceWeighted:
      let whole = totals.reduce(0, +)
      scores = [whole > 0 ? zip(totals, each).reduce(0) { $0 + $1.0 * $1.1 } / whole : 0]
    }
    let examples = sums[4][0]
    guard regressors > 0, Double(regressors) < examples - 1 else { return scores }
    return scores.map { 1 - (1 - $0) * (examples - 1) / (examples - Double(regressors) - 1) }
  }
}
