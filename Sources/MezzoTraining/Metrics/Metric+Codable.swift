import MezzoPolicy

/// Configurations as Keras writes them: `{"class_name": "BinaryAccuracy", "config": {"name": …, "dtype": …, "threshold": 0.5}}`.
extension Metric: Codable {
  /// - Throws: `TrainingError`, `PolicyError` or `DecodingError`.
  public init(from decoder: any Decoder) throws {
    var read = try ClassConfiguration(from: decoder)
    let kind = try Kind(&read)
    let name = try read.text("name", default: kind.defaultName)
    let dtype = try read.text("dtype", default: "")
    try read.finish()
    self.init(kind, name: name, dtype: dtype.isEmpty ? nil : try DType(name: dtype))
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
    default:
      guard let function = try LossFunction(&read) else { throw .unknownMetric(name: read.className) }
      self = .loss(function)
    }
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
    default: [:]
    }
  }
}
