import MezzoPolicy

/// Configurations as Keras writes them: `{"class_name": "Huber", "config": {"delta": 1.0, "reduction": "sum", …}}`.
extension Loss: Codable {
  /// - Throws: `TrainingError` or `DecodingError`.
  public init(from decoder: any Decoder) throws {
    var configuration = try ClassConfiguration(from: decoder)
    let reduction = try configuration.text("reduction", default: LossReduction.sumOverBatchSize.rawValue)
    guard let reduction = LossReduction(rawValue: reduction) ?? Self.olderReductions[reduction] else {
      throw TrainingError.invalidOption(
        name: "'reduction' of \(configuration.className)",
        expected: "one of \(LossReduction.allCases.map(\.rawValue).joined(separator: ", "))", found: reduction)
    }
    guard let function = try LossFunction(&configuration) else {
      throw TrainingError.unknownLoss(name: configuration.className)
    }
    try configuration.finish()
    self.init(function, reduction: reduction)
  }

  public func encode(to encoder: any Encoder) throws {
    var members = function.members
    members["reduction"] = .string(reduction.rawValue)
    try ["class_name": .string(function.className), "config": ConfigurationValue.object(members)].encode(to: encoder)
  }

  /// Keras 2 lets a strategy decide, which was the mean but for distributed training; Keras 3.10 calls that a mean too.
  private static let olderReductions: [String: LossReduction] = ["auto": .sumOverBatchSize, "mean": .sumOverBatchSize]
}

extension LossFunction {
  /// Takes from a configuration what it says of the class that it names; nil for a class that is not known.
  init?(_ configuration: inout ClassConfiguration) throws(TrainingError) {
    switch configuration.className {
    case "BinaryCrossentropy":
      self = .binaryCrossentropy(
        fromLogits: try configuration.flag("from_logits", default: false),
        labelSmoothing: try configuration.number("label_smoothing", default: 0))
      try configuration.requireLast()
    case "CategoricalCrossentropy":
      self = .categoricalCrossentropy(
        fromLogits: try configuration.flag("from_logits", default: false),
        labelSmoothing: try configuration.number("label_smoothing", default: 0))
      try configuration.requireLast()
    case "SparseCategoricalCrossentropy":
      self = .sparseCategoricalCrossentropy(fromLogits: try configuration.flag("from_logits", default: false))
      try configuration.requireLast()
    case "BinaryFocalCrossentropy":
      self = .binaryFocalCrossentropy(
        applyClassBalancing: try configuration.flag("apply_class_balancing", default: false),
        alpha: try configuration.number("alpha", default: 0.25),
        gamma: try configuration.number("gamma", default: 2),
        fromLogits: try configuration.flag("from_logits", default: false),
        labelSmoothing: try configuration.number("label_smoothing", default: 0))
      try configuration.requireLast()
    case "CategoricalFocalCrossentropy":
      self = .categoricalFocalCrossentropy(
        alpha: try configuration.number("alpha", default: 0.25),
        gamma: try configuration.number("gamma", default: 2),
        fromLogits: try configuration.flag("from_logits", default: false),
        labelSmoothing: try configuration.number("label_smoothing", default: 0))
      try configuration.requireLast()
    case "CategoricalGeneralizedCrossEntropy":
      self = .categoricalGeneralizedCrossEntropy(q: try configuration.number("q", default: 0.5))
    case "Dice": self = .dice(axis: try configuration.axes("axis"))
    case "Tversky":
      self = .tversky(
        alpha: try configuration.number("alpha", default: 0.5), beta: try configuration.number("beta", default: 0.5),
        axis: try configuration.axes("axis"))
    case "CosineSimilarity":
      self = .cosineSimilarity
      try configuration.requireLast()
    case "Huber": self = .huber(delta: try configuration.number("delta", default: 1))
    case "KLDivergence": self = .klDivergence
    case "LogCosh": self = .logCosh
    case "MeanAbsoluteError": self = .meanAbsoluteError
    case "MeanAbsolutePercentageError": self = .meanAbsolutePercentageError
    case "MeanSquaredError": self = .meanSquaredError
    case "MeanSquaredLogarithmicError": self = .meanSquaredLogarithmicError
    case "Poisson": self = .poisson
    case "Hinge": self = .hinge
    case "SquaredHinge": self = .squaredHinge
    case "CategoricalHinge": self = .categoricalHinge
    case "CTC": self = .ctc
    case "Circle":
      self = .circle(
        gamma: try configuration.number("gamma", default: 80), margin: try configuration.number("margin", default: 0.4),
        removeDiagonal: try configuration.flag("remove_diagonal", default: true))
    default: return nil
    }
  }

  /// What a configuration says beside the class.
  var members: [String: ConfigurationValue] {
    switch self {
    case .binaryCrossentropy(let fromLogits, let smoothing), .categoricalCrossentropy(let fromLogits, let smoothing):
      ["from_logits": .bool(fromLogits), "label_smoothing": .number(smoothing)]
    case .sparseCategoricalCrossentropy(let fromLogits): ["from_logits": .bool(fromLogits)]
    case .binaryFocalCrossentropy(let isBalanced, let alpha, let gamma, let fromLogits, let smoothing):
      [
        "apply_class_balancing": .bool(isBalanced), "alpha": .number(alpha), "gamma": .number(gamma),
        "from_logits": .bool(fromLogits), "label_smoothing": .number(smoothing),
      ]
    case .categoricalFocalCrossentropy(let alpha, let gamma, let fromLogits, let smoothing):
      [
        "alpha": .number(alpha), "gamma": .number(gamma), "from_logits": .bool(fromLogits),
        "label_smoothing": .number(smoothing),
      ]
    case .categoricalGeneralizedCrossEntropy(let q): ["q": .number(q)]
    case .dice(let axes): ["axis": Self.written(axes)]
    case .tversky(let alpha, let beta, let axes):
      ["alpha": .number(alpha), "beta": .number(beta), "axis": Self.written(axes)]
    case .huber(let delta): ["delta": .number(delta)]
    case .circle(let gamma, let margin, let removeDiagonal):
      ["gamma": .number(gamma), "margin": .number(margin), "remove_diagonal": .bool(removeDiagonal)]
    default: [:]
    }
  }

  private static func written(_ axes: [Int]?) -> ConfigurationValue {
    axes.map { .array($0.map { .integer($0) }) } ?? .null
  }
}
