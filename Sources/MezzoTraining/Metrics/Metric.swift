import MezzoGraph
import MezzoLayers
public import MezzoPolicy

/// How good outputs are, in Keras's words; a ``Meter`` takes it over many batches.
///
/// ```swift
/// var accuracy = try Meter(.binaryAccuracy())
/// for batch in batches { try accuracy.update(try model(batch.features), target: batch.targets) }
/// print(try accuracy.result())
/// ```
public struct Metric: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    /// Of the values themselves, without a target.
    case mean
    case sum
    /// The mean of a loss over the examples.
    case loss(LossFunction)
    /// The cosine of the angle between output and target.
    case cosineSimilarity
    case rootMeanSquaredError
    /// How often output and target are equal.
    case accuracy
    /// How often the output is above the threshold where the target is 1, and not where it is 0.
    case binaryAccuracy(threshold: Double)
    /// How often the largest output is that of the largest target.
    case categoricalAccuracy
    /// How often the largest output is that of the label.
    case sparseCategoricalAccuracy
    /// How often fewer than `k` outputs are larger than that of the largest target.
    case topKCategoricalAccuracy(k: Int)
    /// How often fewer than `k` outputs are larger than that of the label.
    case sparseTopKCategoricalAccuracy(k: Int)
    case truePositives(threshold: Double)
    case trueNegatives(threshold: Double)
    case falsePositives(threshold: Double)
    case falseNegatives(threshold: Double)
    /// True ones of those that are called positive.
    case precision(threshold: Double)
    /// Those called positive of the true ones.
    case recall(threshold: Double)
    /// The area under a curve through so many thresholds.
    case auc(AreaCurve, thresholds: Int)
    /// The largest of one rate at those of so many thresholds at which another one is at least `least`.
    case best(ConstrainedRate, least: Double, thresholds: Int)
    /// The harmonic mean of precision and recall, for each class or averaged.
    case f1Score(average: ScoreAverage?, threshold: Double?)
    /// The same with recall counting `beta` times as much as precision.
    case fBetaScore(beta: Double, average: ScoreAverage?, threshold: Double?)
    /// What target and output share of all that is one or the other, a mean over classes.
    case iou(ClassOverlap)
    /// The same of the classes 0, outputs up to the threshold, and 1.
    case binaryIoU(targetClasses: [Int], threshold: Double)
    /// How much of the targets' variance the outputs explain.
    case r2Score(ScoreAggregation?, regressors: Int)
    /// How well output and target of each example lie on a line, along the last axis.
    case pearsonCorrelation
    /// How well they lie on the line of equals (Lin, Biometrics 1989).
    case concordanceCorrelation
  }

  public var kind: Kind
  public var name: String
  /// In which it counts.
  public var dtype: DType
  /// Whether training and evaluation count each example by its sample weight, as Keras does with `weighted_metrics`.
  /// Masks count always.
  public var isWeighted = false

  /// - Parameters:
  ///   - name: by default that of the class in snake case.
  ///   - dtype: by default what variables of the policy in effect are stored in, in Keras 3's dialect `floatx()`; at least
  ///     float32.
  public init(_ kind: Kind, name: String? = nil, dtype: DType? = nil) {
    self.kind = kind
    self.name = name ?? kind.defaultName
    self.dtype = dtype ?? Self.defaultDType
  }

  /// The same with each example counting by its sample weight.
  ///
  /// - Parameter name: by default `weighted_` in front of its own.
  public func weighted(name: String? = nil) -> Metric {
    var metric = self
    metric.isWeighted = true
    metric.name = name ?? "weighted_\(self.name)"
    return metric
  }

  private static var defaultDType: DType {
    let isKeras3 = PolicyEnvironment.current.dialect == .keras3
    let dtype = isKeras3 ? floatx() : globalPolicy().variableDType ?? floatx()
    return dtype == .float64 ? .float64 : .float32
  }
}

/// What an area is under.
public enum AreaCurve: String, Codable, Sendable, Hashable, CaseIterable {
  /// True positives over false ones.
  case roc = "ROC"
  /// Precision over recall.
  case precisionRecall = "PR"
}

/// A rate that is wanted large where another is bound from below.
public enum ConstrainedRate: Sendable, Hashable, CaseIterable {
  case precisionAtRecall, recallAtPrecision, sensitivityAtSpecificity, specificityAtSensitivity
}

extension Metric {
  public static func mean(name: String? = nil, dtype: DType? = nil) -> Metric {
    Metric(.mean, name: name, dtype: dtype)
  }
  public static func sum(name: String? = nil, dtype: DType? = nil) -> Metric { Metric(.sum, name: name, dtype: dtype) }
  public static func loss(_ function: LossFunction) -> Metric { Metric(.loss(function)) }
  public static var cosineSimilarity: Metric { Metric(.cosineSimilarity) }
  public static var rootMeanSquaredError: Metric { Metric(.rootMeanSquaredError) }
  public static var accuracy: Metric { Metric(.accuracy) }
  public static func binaryAccuracy(threshold: Double = 0.5) -> Metric { Metric(.binaryAccuracy(threshold: threshold)) }
  public static var categoricalAccuracy: Metric { Metric(.categoricalAccuracy) }
  public static var sparseCategoricalAccuracy: Metric { Metric(.sparseCategoricalAccuracy) }
  public static func topKCategoricalAccuracy(k: Int = 5) -> Metric { Metric(.topKCategoricalAccuracy(k: k)) }
  public static func sparseTopKCategoricalAccuracy(k: Int = 5) -> Metric {
    Metric(.sparseTopKCategoricalAccuracy(k: k))
  }
  public static func precision(threshold: Double = 0.5) -> Metric { Metric(.precision(threshold: threshold)) }
  public static func recall(threshold: Double = 0.5) -> Metric { Metric(.recall(threshold: threshold)) }
  public static func auc(_ curve: AreaCurve = .roc, thresholds: Int = 200) -> Metric {
    Metric(.auc(curve, thresholds: thresholds))
  }
  public static func best(_ rate: ConstrainedRate, least: Double, thresholds: Int = 200) -> Metric {
    Metric(.best(rate, least: least, thresholds: thresholds))
  }
  /// For outputs and targets `[batch, classes]`; without `average` one score for each class.
  public static func f1Score(average: ScoreAverage? = nil, threshold: Double? = nil) -> Metric {
    Metric(.f1Score(average: average, threshold: threshold))
  }
  public static func fBetaScore(beta: Double = 1, average: ScoreAverage? = nil, threshold: Double? = nil) -> Metric {
    Metric(.fBetaScore(beta: beta, average: average, threshold: threshold))
  }
  public static func iou(_ overlap: ClassOverlap) -> Metric { Metric(.iou(overlap)) }
  /// Of class numbers.
  public static func meanIoU(classes: Int) -> Metric { Metric(.iou(ClassOverlap(classes: classes))) }
  public static func binaryIoU(targetClasses: [Int] = [0, 1], threshold: Double = 0.5) -> Metric {
    Metric(.binaryIoU(targetClasses: targetClasses, threshold: threshold))
  }
  public static func r2Score(_ aggregation: ScoreAggregation? = .uniform, regressors: Int = 0) -> Metric {
    Metric(.r2Score(aggregation, regressors: regressors))
  }
  public static var pearsonCorrelation: Metric { Metric(.pearsonCorrelation) }
  public static var concordanceCorrelation: Metric { Metric(.concordanceCorrelation) }
}

extension Metric.Kind {
  /// Keras's class name.
  public var className: String {
    switch self {
    case .mean: "Mean"
    case .sum: "Sum"
    case .loss(.logCosh): "LogCoshError"
    case .loss(let function): function.className
    case .cosineSimilarity: "CosineSimilarity"
    case .rootMeanSquaredError: "RootMeanSquaredError"
    case .accuracy: "Accuracy"
    case .binaryAccuracy: "BinaryAccuracy"
    case .categoricalAccuracy: "CategoricalAccuracy"
    case .sparseCategoricalAccuracy: "SparseCategoricalAccuracy"
    case .topKCategoricalAccuracy: "TopKCategoricalAccuracy"
    case .sparseTopKCategoricalAccuracy: "SparseTopKCategoricalAccuracy"
    case .truePositives: "TruePositives"
    case .trueNegatives: "TrueNegatives"
    case .falsePositives: "FalsePositives"
    case .falseNegatives: "FalseNegatives"
    case .precision: "Precision"
    case .recall: "Recall"
    case .auc: "AUC"
    case .best(.precisionAtRecall, _, _): "PrecisionAtRecall"
    case .best(.recallAtPrecision, _, _): "RecallAtPrecision"
    case .best(.sensitivityAtSpecificity, _, _): "SensitivityAtSpecificity"
    case .best(.specificityAtSensitivity, _, _): "SpecificityAtSensitivity"
    case .f1Score: "F1Score"
    case .fBetaScore: "FBetaScore"
    case .iou(let overlap):
      (overlap.hasLabelTargets ? "" : "OneHot") + (overlap.targetClasses == nil ? "Mean" : "") + "IoU"
    case .binaryIoU: "BinaryIoU"
    case .r2Score: "R2Score"
    case .pearsonCorrelation: "PearsonCorrelation"
    case .concordanceCorrelation: "ConcordanceCorrelation"
    }
  }

  /// `BinaryAccuracy` becomes `binary_accuracy`, `AUC` `auc`.
  var defaultName: String {
    switch self {
    case .fBetaScore: return "fbeta_score"
    case .loss(.logCosh): return "logcosh"
    default: return className.snakeCase
    }
  }

  /// The thresholds at which positives are counted; nil for metrics of values.
  var thresholds: [Double]? {
    switch self {
    case .truePositives(let threshold), .trueNegatives(let threshold), .falsePositives(let threshold),
      .falseNegatives(let threshold), .precision(let threshold), .recall(let threshold):
      return [threshold]
    case .auc(_, let count):
      // From just below 0 to just above 1, so that the ends are counted whatever is rounded.
      let inner = (1..<max(count - 1, 1)).map { Double($0) / Double(count - 1) }
      return [-LossFunction.epsilon] + inner + [1 + LossFunction.epsilon]
    case .best(_, _, let count):
      return count == 1 ? [0.5] : (0..<max(count, 2)).map { Double($0) / Double(max(count, 2) - 1) }
    default: return nil
    }
  }

  /// Whether there is something to compare with.
  var takesTargets: Bool { self != .mean && self != .sum }
}
