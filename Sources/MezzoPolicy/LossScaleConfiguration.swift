/// The arguments of Keras's `LossScaleOptimizer` and how configurations write them: `dynamic`, `initial_scale`,
/// `dynamic_growth_steps`.
///
/// As in TensorFlow 2.4 no range is checked: 0, negative and infinite scales can be written down. Training with one is
/// refused.
public struct LossScaleConfiguration: Sendable, Hashable {
  public let isDynamic: Bool
  public let initialScale: Double
  /// Finite steps until the scale doubles; nil if it is fixed.
  public let dynamicGrowthSteps: Int?
  /// Whose mechanism it configures.
  public let dialect: PolicyDialect

  private static let defaultScale = 32768.0
  private static let defaultGrowthSteps = 2000

  /// - Parameters:
  ///   - dynamic: whether the scale follows the gradients.
  ///   - initialScale: by default 2¹⁵ for a dynamic scale; a fixed one has no default.
  ///   - dynamicGrowthSteps: by default 2000; of no use to a fixed scale.
  ///   - dialect: ``PolicyDialect/keras3`` has Keras 3's rules, any other TensorFlow 2.4's.
  /// - Throws: ``LossScaleError`` where the arguments contradict each other.
  public init(
    dynamic: Bool = true, initialScale: Double? = nil, dynamicGrowthSteps: Int? = nil, dialect: PolicyDialect = .mezzo
  ) throws(LossScaleError) {
    isDynamic = dynamic
    self.dialect = dialect
    if dynamic {
      self.initialScale = initialScale ?? Self.defaultScale
      self.dynamicGrowthSteps = dynamicGrowthSteps ?? Self.defaultGrowthSteps
      return
    }
    guard dialect != .keras3 else { throw .noFixedScaleInKeras3 }
    guard let initialScale else { throw .noInitialScale }
    if let dynamicGrowthSteps { throw .growthOfAFixedScale(steps: "\(dynamicGrowthSteps)") }
    self.initialScale = initialScale
    self.dynamicGrowthSteps = nil
  }

  /// The scale at its start.
  public var lossScale: LossScale {
    guard let dynamicGrowthSteps else { return .fixed(Float(initialScale)) }
    return dialect == .keras3
      ? .keras3(initialScale: Float(initialScale), growthInterval: dynamicGrowthSteps)
      : .dynamic(initialScale: Float(initialScale), growthInterval: dynamicGrowthSteps)
  }
}

// MARK: - Configurations

extension LossScaleConfiguration {
  /// The members of an optimizer's configuration: `{"dynamic": true, "initial_scale": 32768.0,
  /// "dynamic_growth_steps": 2000}`. Keras 3 has no `dynamic`.
  public var members: [String: ConfigurationValue] {
    var members: [String: ConfigurationValue] = [
      "initial_scale": .number(initialScale), "dynamic_growth_steps": dynamicGrowthSteps.map { .integer($0) } ?? .null,
    ]
    if dialect != .keras3 { members["dynamic"] = .bool(isDynamic) }
    return members
  }

  /// From the members of an optimizer's configuration. Numbers are converted as Python's `float` and `int` do: `"8"` is 8,
  /// 2.7 growth steps are 2. In its place there may be a `loss_scale` of TensorFlow ≤ 2.3.
  ///
  /// - Throws: ``LossScaleError``
  public init(members: [String: ConfigurationValue], dialect: PolicyDialect = .mezzo) throws(LossScaleError) {
    if let old = members["loss_scale"] {
      try self.init(lossScale: old, dialect: dialect)
      return
    }
    var isDynamic = true
    if let dynamic = members["dynamic"] {
      guard case .bool(let value) = dynamic else {
        throw .kind(argument: "dynamic", expected: "a boolean", found: dynamic.summary)
      }
      isDynamic = value
    }
    try self.init(
      dynamic: isDynamic, initialScale: try members["initial_scale"]?.convertedToFloat("initial_scale"),
      dynamicGrowthSteps: try members["dynamic_growth_steps"]?.convertedToInteger("dynamic_growth_steps"),
      dialect: dialect)
  }

  /// From what TensorFlow ≤ 2.3 wrote as `loss_scale`: `{"class_name": "DynamicLossScale", "config": {…}}`.
  private init(lossScale: ConfigurationValue, dialect: PolicyDialect) throws(LossScaleError) {
    guard case .string(let className)? = lossScale["class_name"] else {
      throw .kind(argument: "loss_scale", expected: "an object with a class_name", found: lossScale.summary)
    }
    let config = lossScale["config"] ?? [:]
    switch className {
    case "FixedLossScale":
      guard let scale = try config["loss_scale_value"]?.convertedToFloat("loss_scale_value") else {
        throw .missing(argument: "loss_scale_value")
      }
      guard scale >= 1 else {
        throw .value(argument: "loss_scale_value", expected: "at least 1", found: "\(scale)")
      }
      try self.init(dynamic: false, initialScale: scale, dialect: dialect)
    case "DynamicLossScale":
      let scale = try config["initial_loss_scale"]?.convertedToFloat("initial_loss_scale")
      let multiplier = try config["multiplier"]?.convertedToFloat("multiplier") ?? 2
      guard multiplier == 2 else { throw .multiplier(multiplier, initialScale: scale ?? Self.defaultScale) }
      try self.init(
        initialScale: scale, dynamicGrowthSteps: try config["increment_period"]?.convertedToInteger("increment_period"),
        dialect: dialect)
    default: throw .unknownLossScale(className: className)
    }
  }
}

extension ConfigurationValue {
  /// What Python's `float` makes of it; nil for null.
  fileprivate func convertedToFloat(_ argument: String) throws(LossScaleError) -> Double? {
    switch self {
    case .null: return nil
    case .bool(let value): return value ? 1 : 0
    case .integer(let value): return Double(value)
    case .number(let value): return value
    case .string(let text):
      guard let value = Double(text) else { throw .value(argument: argument, expected: "a number", found: summary) }
      return value
    case .array, .object: throw .kind(argument: argument, expected: "a number", found: summary)
    }
  }

  /// What Python's `int` makes of it, which cuts fractions off; nil for null.
  fileprivate func convertedToInteger(_ argument: String) throws(LossScaleError) -> Int? {
    switch self {
    case .null: return nil
    case .bool(let value): return value ? 1 : 0
    case .integer(let value): return value
    case .number(let number):
      guard let value = Int(exactly: number.rounded(.towardZero)) else {
        throw .value(argument: argument, expected: "an integer of 64 bits", found: summary)
      }
      return value
    case .string(let text):
      guard let value = Int(text) else { throw .value(argument: argument, expected: "an integer", found: summary) }
      return value
    case .array, .object: throw .kind(argument: argument, expected: "an integer", found: summary)
    }
  }
}
