import MezzoGraph
import MezzoPolicy

/// How the scores of several classes become one.
public enum ScoreAverage: String, Codable, Sendable, Hashable, CaseIterable {
  /// Of all classes counted as one.
  case micro
  /// The mean of the classes.
  case macro
  /// Their mean, each by how often it is true.
  case weighted
}

/// What `F1Score` and `FBetaScore` count: outputs and targets `[batch, classes]`, each class of its own.
enum FScore {
  /// True positives, false positives and false negatives, `[classes]` each.
  ///
  /// - Parameter threshold: above it an output is positive; nil: the largest of its row is.
  static func counts(
    _ output: SymbolicTensor, target: SymbolicTensor, threshold: Double?, weights: SymbolicTensor?, dtype: DType
  ) throws -> [SymbolicTensor] {
    let output = try output.atLeastFloat32()
    let isTrue = try target.cast(to: dtype)
    let isPositive: SymbolicTensor
    if let threshold {
      isPositive = try output.trace.constant(threshold, dtype: output.dtype).isLess(output).cast(to: dtype)
    } else {
      // A row of nothing but zeros names no class.
      let isLargest = try output.max(axes: [-1], keepDims: true).isLessOrEqual(output)
      isPositive = try isLargest.and(output.trace.constant(1e-9, dtype: output.dtype).isLess(output.abs())).cast(
        to: dtype)
    }
    let share = try weights?.weighting(output).cast(to: dtype)
    func sum(_ values: SymbolicTensor) throws -> SymbolicTensor {
      try (share.map { try values * $0 } ?? values).sum(axes: [0])
    }
    return [
      try sum(isPositive * isTrue), try sum(isPositive * (1 - isTrue)), try sum((1 - isPositive) * isTrue),
    ]
  }

  /// - Parameter sums: in the order of ``counts(_:target:threshold:weights:dtype:)``.
  static func scores(_ sums: [[Double]], beta: Double, average: ScoreAverage?) -> [Double] {
    func score(_ both: Double, _ wrong: Double, _ missed: Double) -> Double {
      let square = beta * beta
      let whole = (1 + square) * both + square * missed + wrong
      return whole == 0 ? 0 : (1 + square) * both / whole
    }
    let scores = sums[0].indices.map { score(sums[0][$0], sums[1][$0], sums[2][$0]) }
    switch average {
    case nil: return scores
    case .micro: return [score(sums[0].reduce(0, +), sums[1].reduce(0, +), sums[2].reduce(0, +))]
    case .macro: return [scores.isEmpty ? 0 : scores.reduce(0, +) / Double(scores.count)]
    case .weighted:
      let truths = zip(sums[0], sums[2]).map(+)
      let whole = truths.reduce(0, +)
      return [whole == 0 ? 0 : zip(scores, truths).reduce(0) { $0 + $1.0 * $1.1 } / whole]
    }
  }
}
