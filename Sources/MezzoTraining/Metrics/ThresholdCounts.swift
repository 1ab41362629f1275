#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Positives and negatives at ascending thresholds.
struct ThresholdCounts {
  var truePositives: [Double]
  var falsePositives: [Double]
  var trueNegatives: [Double]
  var falseNegatives: [Double]

  /// - Parameter sums: true positives, false positives, true negatives and false negatives.
  init(_ sums: [[Double]]) {
    (truePositives, falsePositives, trueNegatives, falseNegatives) = (sums[0], sums[1], sums[2], sums[3])
  }

  /// The largest rate at a threshold at which the other is at least `least`; 0 where there is none.
  func best(_ rate: ConstrainedRate, least: Double) -> Double {
    truePositives.indices.reduce(0) { best, place in
      let recall = Self.ratio(truePositives[place], truePositives[place] + falseNegatives[place])
      let precision = Self.ratio(truePositives[place], truePositives[place] + falsePositives[place])
      let specificity = Self.ratio(trueNegatives[place], trueNegatives[place] + falsePositives[place])
      let (wanted, bound) =
        switch rate {
        case .precisionAtRecall: (precision, recall)
        case .recallAtPrecision: (recall, precision)
        case .sensitivityAtSpecificity: (recall, specificity)
        case .specificityAtSensitivity: (specificity, recall)
        }
      return bound >= least ? max(best, wanted) : best
    }
  }

  func area(under curve: AreaCurve) -> Double {
    switch curve {
    case .roc:
      // Trapezoids over the rate of false positives.
      let heights = truePositives.indices.map { Self.ratio(truePositives[$0], truePositives[$0] + falseNegatives[$0]) }
      let places = truePositives.indices.map { Self.ratio(falsePositives[$0], falsePositives[$0] + trueNegatives[$0]) }
      return zip(places, places.dropFirst()).map(-).enumerated().reduce(0) { sum, step in
        sum + step.element * (heights[step.offset] + heights[step.offset + 1]) / 2
      }
    case .precisionRecall:
      return (0..<max(truePositives.count - 1, 0)).reduce(0) { $0 + share($1) }
    }
  }

  /// Between two thresholds true positives are linear in all positives, which precision is not in recall (Davis and Goadrich,
  /// ICML 2006).
  private func share(_ place: Int) -> Double {
    let (more, fewer) = (positives(place), positives(place + 1))
    let gained = truePositives[place] - truePositives[place + 1]
    let slope = Self.ratio(gained, max(more - fewer, 0))
    let intercept = truePositives[place + 1] - slope * fewer
    let growth = more > 0 && fewer > 0 ? more / fewer : 1
    return Self.ratio(
      slope * (gained + intercept * log(growth)), max(truePositives[place + 1] + falseNegatives[place + 1], 0))
  }

  private func positives(_ place: Int) -> Double { truePositives[place] + falsePositives[place] }

  private static func ratio(_ part: Double, _ whole: Double) -> Double { whole == 0 ? 0 : part / whole }
}
