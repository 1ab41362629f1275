extension Experimental {
  /// TensorFlow's `FixedLossScale` and `DynamicLossScale`, as a ``Policy`` has them.
  public enum LossScale: Sendable, Hashable, CustomStringConvertible {
    case fixed(Double)
    /// Multiplied after `incrementPeriod` finite steps, divided when a step is skipped, at least 1.
    case dynamic(initialScale: Double = 32768, incrementPeriod: Int = 2000, multiplier: Double = 2)

    /// As TensorFlow prints it: `FixedLossScale(8.0)`.
    public var description: String {
      switch self {
      case .fixed(let scale): "\(className)(\(scale))"
      case .dynamic(let initialScale, let incrementPeriod, let multiplier):
        """
        \(className)(current_loss_scale=\(initialScale), num_good_steps=0, initial_loss_scale=\(initialScale), \
        increment_period=\(incrementPeriod), multiplier=\(multiplier))
        """
      }
    }

    /// What TensorFlow calls the class.
    public var className: String {
      switch self {
      case .fixed: "FixedLossScale"
      case .dynamic: "DynamicLossScale"
      }
    }

    /// The scale that a training starts with.
    public var scale: MezzoPolicy.LossScale {
      switch self {
      case .fixed(let scale): .fixed(Float(scale))
      case .dynamic(let initialScale, let incrementPeriod, let multiplier):
        .dynamic(
          initialScale: Float(initialScale), growthInterval: incrementPeriod, growthFactor: Float(multiplier),
          backoffFactor: Float(1 / multiplier))
      }
    }
  }
}

// MARK: - Configurations

extension Experimental.LossScale {
  /// As TensorFlow writes it: `{"class_name": "FixedLossScale", "config": {"loss_scale_value": 8.0}}`.
  public var configuration: ConfigurationValue {
    let members: ConfigurationValue =
      switch self {
      case .fixed(let scale): ["loss_scale_value": .number(scale)]
      case .dynamic(let initialScale, let incrementPeriod, let multiplier):
        [
          "initial_loss_scale": .number(initialScale), "increment_period": .integer(incrementPeriod),
          "multiplier": .number(multiplier),
        ]
      }
    return ["class_name": .string(className), "config": members]
  }

  /// From what ``configuration`` writes. Members of a dynamic scale may be absent.
  ///
  /// - Throws: ``LossScaleError``
  public init(configuration: ConfigurationValue) throws(LossScaleError) {
    guard case .string(let className)? = configuration["class_name"] else {
      throw .kind(argument: "loss_scale", expected: "an object with a class_name", found: configuration.kind)
    }
    let members = configuration["config"] ?? [:]
    switch className {
    case "FixedLossScale":
      guard let scale = try Self.number(members, "loss_scale_value") else {
        throw .missing(argument: "loss_scale_value")
      }
      try self.init(fixed: scale)
    case "DynamicLossScale":
      let period = try Self.number(members, "increment_period") ?? 2000
      guard let incrementPeriod = Int(exactly: period) else {
        throw .value(argument: "increment_period", expected: "an integer", found: "\(period)")
      }
      self = .dynamic(
        initialScale: try Self.number(members, "initial_loss_scale") ?? 32768, incrementPeriod: incrementPeriod,
        multiplier: try Self.number(members, "multiplier") ?? 2)
    default: throw .unknownLossScale(className: className)
    }
  }

  init(fixed scale: Double) throws(LossScaleError) {
    guard scale >= 1 else { throw .value(argument: "loss_scale_value", expected: "at least 1", found: "\(scale)") }
    self = .fixed(scale)
  }

  private static func number(_ members: ConfigurationValue, _ key: String) throws(LossScaleError) -> Double? {
    switch members[key] {
    case nil: nil
    case .integer(let value): Double(value)
    case .number(let value): value
    case let other?: throw .kind(argument: key, expected: "a number", found: other.kind)
    }
  }
}
