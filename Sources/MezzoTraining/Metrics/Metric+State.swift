import MezzoBackend
import MezzoGraph
import MezzoPolicy

extension Metric {
  /// - Throws: `TrainingError.invalidOption` for settings that count nothing.
  func check() throws(TrainingError) {
    func require(_ holds: Bool, _ what: String, _ expected: String, _ found: Any) throws(TrainingError) {
      if !holds { throw .invalidOption(name: "\(what) of \(name)", expected: expected, found: "\(found)") }
    }
    try require(dtype.isFloatingPoint, "the dtype", "a floating-point one", dtype.name)
    switch kind {
    case .auc(_, let count): try require(count >= 2, "the thresholds", "at least 2", count)
    case .best(_, let least, let count):
      try require(count >= 1, "the thresholds", "at least 1", count)
      try require((0...1).contains(least), "the bound", "from 0 to 1", least)
    case .fBetaScore(let beta, _, let threshold):
      try require(beta > 0 && beta.isFinite, "beta", "above 0", beta)
      try require(threshold.map { $0 > 0 && $0 <= 1 } ?? true, "the threshold", "above 0, up to 1", threshold ?? 0)
    case .f1Score(_, let threshold):
      try require(threshold.map { $0 > 0 && $0 <= 1 } ?? true, "the threshold", "above 0, up to 1", threshold ?? 0)
    case .r2Score(_, let regressors): try require(regressors >= 0, "the regressors", "at least 0", regressors)
    case .iou(let overlap): try overlap.check(name)
    case .binaryIoU: try kind.overlap?.check(name)
    default: break
    }
  }

  /// Zeros to begin with; nothing where the outputs have to be seen first.
  func initialState() throws -> [Tensor] {
    if let thresholds = kind.thresholds {
      return Array(repeating: try Tensor(zeros: TensorType(dtype, [thresholds.count])), count: 4)
    }
    if let overlap = kind.overlap {
      return [try Tensor(zeros: TensorType(dtype, [overlap.classes, overlap.classes]))]
    }
    if kind.needsColumns { return [] }
    let zero = try Tensor(zeros: TensorType(dtype, []))
    return kind == .sum ? [zero] : [zero, zero]
  }

  /// What a batch adds to the state.
  func contribution(
    _ output: SymbolicTensor, target: SymbolicTensor?, thresholds: SymbolicTensor?, weights: SymbolicTensor?
  ) throws -> [SymbolicTensor] {
    if let thresholds, let target {
      return try kind.counts(output, target: target, thresholds: thresholds, weights: weights, dtype: dtype)
    }
    if let overlap = kind.overlap, let target {
      var output = output
      if case .binaryIoU(_, let threshold) = kind {
        let wide = try output.atLeastFloat32()
        output = try output.trace.constant(threshold, dtype: wide.dtype).isLessOrEqual(wide)
      }
      return [try overlap.confusion(output, target: target, weights: weights, dtype: dtype)]
    }
    if kind.needsColumns, let target {
      let output = try output.rank == 1 ? output.reshaped(output.shape + [1]) : output
      let target = try target.aligned(with: output, for: kind.className)
      guard output.rank == 2 else {
        throw GraphError(
          .shape(operation: kind.className, expected: "[batch, outputs]", found: [output.type]), layer: "metric")
      }
      switch kind {
      case .r2Score: return try Determination.sums(output, target: target, weights: weights, dtype: dtype)
      case .f1Score(_, let threshold), .fBetaScore(_, _, let threshold):
        return try FScore.counts(output, target: target, threshold: threshold, weights: weights, dtype: dtype)
      default: break
      }
    }
    let values = try kind.values(output, target: target, dtype: dtype)
    let shares = try weights?.weighting(values)
    let sum = try (shares.map { try values * $0 } ?? values).sum()
    let count = try shares?.sum() ?? values.trace.constant(Double(values.shape.reduce(1, *)), dtype: dtype)
    return kind == .sum ? [sum] : [sum, count]
  }

  /// The metric of a state; several numbers for a score of each class.
  func values(of state: [Tensor]) -> [Double] {
    let sums = state.map { $0.scalars() }
    func ratio(_ part: Double, _ whole: Double) -> Double { whole == 0 ? 0 : part / whole }
    if kind.needsColumns, sums.isEmpty { return [0] }
    switch kind {
    case .sum: return [sums[0][0]]
    case .rootMeanSquaredError: return [ratio(sums[0][0], sums[1][0]).squareRoot()]
    case .truePositives: return [sums[0][0]]
    case .falsePositives: return [sums[1][0]]
    case .trueNegatives: return [sums[2][0]]
    case .falseNegatives: return [sums[3][0]]
    case .precision: return [ratio(sums[0][0], sums[0][0] + sums[1][0])]
    case .recall: return [ratio(sums[0][0], sums[0][0] + sums[3][0])]
    case .auc(let curve, _): return [ThresholdCounts(sums).area(under: curve)]
    case .best(let rate, let least, _): return [ThresholdCounts(sums).best(rate, least: least)]
    case .f1Score(let average, _): return FScore.scores(sums, beta: 1, average: average)
    case .fBetaScore(let beta, let average, _): return FScore.scores(sums, beta: beta, average: average)
    case .r2Score(let aggregation, let regressors):
      return Determination.scores(sums, aggregation: aggregation, regressors: regressors)
    case .iou, .binaryIoU: return [kind.overlap?.mean(sums[0]) ?? 0]
    default: return [ratio(sums[0][0], sums[1][0])]
    }
  }
}

extension Metric.Kind {
  /// Whether it keeps sums for each column of the outputs.
  fileprivate var needsColumns: Bool {
    switch self {
    case .f1Score, .fBetaScore, .r2Score: true
    default: false
    }
  }

  var countsClasses: Bool { overlap != nil }

  /// The classes that it finds overlaps of.
  fileprivate var overlap: ClassOverlap? {
    switch self {
    case .iou(let overlap): overlap
    case .binaryIoU(let targets, _): ClassOverlap(classes: 2, targetClasses: targets)
    default: nil
    }
  }
}
