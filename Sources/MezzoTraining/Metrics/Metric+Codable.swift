import MezzoPolicy

/// Configurations as Keras writes them: `{"class_name": "BinaryAccuracy", "config": {"name": …, "dtype": …, "threshold": 0.5}}`.
extension Metric: Codable {
  /// - Throws: `TrainingError`, `PolicyError` or `DecodingError`.
  public init(from decoder: any Decoder) throws {
    var read = try ClassConfiguration(from: decoder)
    let kind = try Kind(&read)
    let name = try read.text("name", default: kind.defaultName)
    let text = try read.text("dtype", default: "")
    try read.finish()
    var dtype = text.isEmpty ? nil : try DType(name: text)
    // Keras counts classes in integers, and gives their overlap in a floating dtype.
    if kind.countsClasses, dtype?.isFloatingPoint == false { dtype = nil }
    self.init(kind, name: name, dtype: dtype)
  }

  public func encode(to encoder: any Encoder) throws {
    var members = kind.members
    members["name"] = .string(name)
    members["dtype"] = .string(dtype.name)
    try ["class_name": .string(kind.className), "config": ConfigurationValue.object(members)].encode(to: encoder)
  }
}

extension Metric.Kind {
  fileprivate init(_ read: inout ClassConfiguration) throws(TrainingError) {
    func threshold(_ read: inout ClassConfiguration, _ key: String) throws(TrainingError) -> Double {
      try read.number(key, default: 0.5)
    }
    switch read.className {
    case "Mean": self = .mean
    case "Sum": self = .sum
    case "CosineSimilarity":
      try read.requireLast()
      self = .cosineSimilarity
    case "RootMeanSquaredError": self = .rootMeanSquaredError
    case "Accuracy": self = .accuracy
    case "BinaryAccuracy": self = .binaryAccuracy(threshold: try threshold(&read, "threshold"))
    case "CategoricalAccuracy": self = .categoricalAccuracy
    case "SparseCategoricalAccuracy": self = .sparseCategoricalAccuracy
    case "TopKCategoricalAccuracy": self = .topKCategoricalAccuracy(k: try read.integer("k", default: 5))
    case "SparseTopKCategoricalAccuracy": self = .sparseTopKCategoricalAccuracy(k: try read.integer("k", default: 5))
    case "TruePositives": self = .truePositives(threshold: try threshold(&read, "thresholds"))
    case "TrueNegatives": self = .trueNegatives(threshold: try threshold(&read, "thresholds"))
    case "FalsePositives": self = .falsePositives(threshold: try threshold(&read, "thresholds"))
    case "FalseNegatives": self = .falseNegatives(threshold: try threshold(&read, "thresholds"))
    case "Precision": self = .precision(threshold: try threshold(&read, "thresholds"))
    case "Recall": self = .recall(threshold: try threshold(&read, "thresholds"))
    case "AUC":
      let curve = try read.text("curve", default: AreaCurve.roc.rawValue)
      guard let curve = AreaCurve(rawValue: curve) else {
        throw .invalidOption(name: "'curve' of AUC", expected: "ROC or PR", found: curve)
      }
      let summation = try read.text("summation_method", default: "interpolation")
      guard summation == "interpolation" else {
        throw .invalidOption(name: "'summation_method' of AUC", expected: "interpolation", found: summation)
      }
      self = .auc(curve, thresholds: try read.integer("num_thresholds", default: 200))
    case "PrecisionAtRecall": self = try Self.best(.precisionAtRecall, &read, "recall")
    case "RecallAtPrecision": self = try Self.best(.recallAtPrecision, &read, "precision")
    case "SensitivityAtSpecificity": self = try Self.best(.sensitivityAtSpecificity, &read, "specificity")
    case "SpecificityAtSensitivity": self = try Self.best(.specificityAtSensitivity, &read, "sensitivity")
    case "F1Score":
      self = .f1Score(
        average: try read.choice("average"), threshold: try read.optionalNumber("threshold"))
    case "FBetaScore":
      self = .fBetaScore(
        beta: try read.number("beta", default: 1), average: try read.choice("average"),
        threshold: try read.optionalNumber("threshold"))
    case "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU":
      let isOneHot = read.className.hasPrefix("OneHot")
      let isMean = read.className.hasSuffix("MeanIoU")
      self = .iou(
        ClassOverlap(
          classes: try read.integer("num_classes"), targetClasses: isMean ? nil : try read.integers("target_class_ids"),
          ignoredClass: try read.optionalInteger("ignore_class"),
          hasLabelTargets: isOneHot ? false : try read.flag("sparse_y_true", default: true),
          hasLabelOutputs: try read.flag("sparse_y_pred", default: !isOneHot)))
      try read.requireLast()
    case "BinaryIoU":
      self = .binaryIoU(
        targetClasses: try read.axes("target_class_ids") ?? [0, 1], threshold: try threshold(&read, "threshold"))
    case "R2Score":
      self = .r2Score(
        try read.choice("class_aggregation", default: .uniform),
        regressors: try read.integer("num_regressors", default: 0))
    case "PearsonCorrelation":
      self = .pearsonCorrelation
      try read.requireLast()
    case "ConcordanceCorrelation":
      self = .concordanceCorrelation
      try read.requireLast()
    case "LogCoshError": self = .loss(.logCosh)
    default:
      guard let function = try LossFunction(&read) else { throw .unknownMetric(name: read.className) }
      self = .loss(function)
    }
  }

  private static func best(
    _ rate: ConstrainedRate, _ read: inout ClassConfiguration, _ key: String
  ) throws(TrainingError) -> Self {
    .best(rate, least: try read.number(key, default: 0.5), thresholds: try read.integer("num_thresholds", default: 200))
  }

  /// What a configuration says beside the class, the name and the dtype.
  fileprivate var members: [String: ConfigurationValue] {
    switch self {
    case .loss(let function): function.members
    case .binaryAccuracy(let threshold): ["threshold": .number(threshold)]
    case .topKCategoricalAccuracy(let k), .sparseTopKCategoricalAccuracy(let k): ["k": .integer(k)]
    case .truePositives(let threshold), .trueNegatives(let threshold), .falsePositives(let threshold),
      .falseNegatives(let threshold), .precision(let threshold), .recall(let threshold):
      ["thresholds": .number(threshold)]
    case .auc(let curve, let count):
      [
        "curve": .string(curve.rawValue), "num_thresholds": .integer(count),
        "summation_method": .string("interpolation"),
      ]
    case .best(let rate, let least, let count):
      [rate.bound: .number(least), "num_thresholds": .integer(count)]
    case .f1Score(let average, let threshold):
      ["average": Self.written(average?.rawValue), "threshold": threshold.map { .number($0) } ?? .null]
    case .fBetaScore(let beta, let average, let threshold):
      [
        "beta": .number(beta), "average": Self.written(average?.rawValue),
        "threshold": threshold.map { .number($0) } ?? .null,
      ]
    case .iou(let overlap): overlap.members
    case .binaryIoU(let targets, let threshold):
      ["target_class_ids": .array(targets.map { .integer($0) }), "threshold": .number(threshold)]
    case .r2Score(let aggregation, let regressors):
      ["class_aggregation": Self.written(aggregation?.rawValue), "num_regressors": .integer(regressors)]
    default: [:]
    }
  }

  private static func written(_ text: String?) -> ConfigurationValue { text.map { .string($0) } ?? .null }
}

extension ConstrainedRate {
  /// Keras's name of the rate that is bound from below.
  fileprivate var bound: String {
    switch self {
    case .precisionAtRecall: "recall"
    case .recallAtPrecision: "precision"
    case .sensitivityAtSpecificity: "specificity"
    case .specificityAtSensitivity: "sensitivity"
    }
  }
}

extension ClassOverlap {
  /// As Keras writes them. One-hot targets are what makes a class of its own there.
  fileprivate var members: [String: ConfigurationValue] {
    var members: [String: ConfigurationValue] = [
      "num_classes": .integer(classes), "ignore_class": ignoredClass.map { .integer($0) } ?? .null,
      "sparse_y_pred": .bool(hasLabelOutputs),
    ]
    if hasLabelTargets { members["sparse_y_true"] = true }
    if let targetClasses { members["target_class_ids"] = .array(targetClasses.map { .integer($0) }) }
    return members
  }
}
