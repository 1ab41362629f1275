import MezzoGraph
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
  }

  public var kind: Kind
  public var name: String
  /// In which it counts.
  public var dtype: DType

  /// - Parameters:
  ///   - name: by default that of the class in snake case.
  ///   - dtype: by default what variables of the policy in effect are stored in, in Keras 3's dialect `floatx()`; at least
  ///     float32.
  public init(_ kind: Kind, name: String? = nil, dtype: DType? = nil) {
    self.kind = kind
    self.name = name ?? kind.defaultName
    self.dtype = dtype ?? Self.defaultDType
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
}

extension Metric.Kind {
  /// Keras's class name.
  public var className: String {
    switch self {
    case .mean: "Mean"
    case .sum: "Sum"
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
    }
  }

  /// `BinaryAccuracy` becomes `binary_accuracy`, `AUC` `auc`.
  var defaultName: String {
    let letters = Array(className)
    var name = ""
    for (place, letter) in letters.enumerated() {
      let begins =
        letter.isUppercase && place > 0
        && (!letters[place - 1].isUppercase || (place + 1 < letters.count && !letters[place + 1].isUppercase))
      name += (begins ? "_" : "") + letter.lowercased()
    }
    return name
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
    default: return nil
    }
  }

  /// Whether there is something to compare with.
  var takesTargets: Bool { self != .mean && self != .sum }
}
