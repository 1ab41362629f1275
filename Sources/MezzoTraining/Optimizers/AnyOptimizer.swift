import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An optimizer of any kind in a configuration: `{"class_name": "SGD", "config": {…}}`.
public struct AnyOptimizer: Codable, Sendable {
  public var optimizer: any Optimizer

  public init(_ optimizer: any Optimizer) { self.optimizer = optimizer }

  private enum Key: String, CodingKey {
    case className = "class_name"
    case config
  }

  /// - Throws: `TrainingError`, `LossScaleError` or `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let type = try OptimizerRegistry.type(named: try container.decode(String.self, forKey: .className))
    guard let schedule = try Self.schedule(container) else {
      optimizer = try type.init(from: try container.superDecoder(forKey: .config))
      return
    }
    // A schedule stands in the place of the rate.
    var members = try container.decode([String: ConfigurationValue].self, forKey: .config)
    members[Self.rate] = .number(schedule(0))
    let inner = try JSONDecoder().decode(type, from: try JSONEncoder().encode(members))
    optimizer = Scheduled(inner, by: schedule)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    guard let scheduled = optimizer as? Scheduled else {
      try container.encode(type(of: optimizer).className, forKey: .className)
      try optimizer.encode(to: container.superEncoder(forKey: .config))
      return
    }
    let inner = scheduled.innerOptimizer
    try container.encode(type(of: inner).className, forKey: .className)
    var members = try JSONDecoder().decode([String: ConfigurationValue].self, from: try JSONEncoder().encode(inner))
    members[Self.rate] = scheduled.schedule.configuration
    try container.encode(members, forKey: .config)
  }

  private static let rate = "learning_rate"

  private static func schedule(_ container: KeyedDecodingContainer<Key>) throws -> LearningRateSchedule? {
    let members = try container.decodeIfPresent([String: ConfigurationValue].self, forKey: .config)
    guard case .object? = members?[rate] else { return nil }
    return try JSONDecoder().decode(LearningRateSchedule.self, from: try JSONEncoder().encode(members?[rate]))
  }
}

/// The optimizer classes that configurations can name. As in Keras, case does not matter.
public enum OptimizerRegistry {
  private static let types = Locked<[String: any Optimizer.Type]>([
    "sgd": SGD.self, "adam": Adam.self, "adamw": Adam.self, "adamax": Adamax.self, "nadam": Nadam.self,
    "rmsprop": RMSprop.self, "adagrad": Adagrad.self, "adadelta": Adadelta.self, "ftrl": Ftrl.self, "lion": Lion.self,
    "adafactor": Adafactor.self, "exponentialmovingaverage": ExponentialMovingAverage.self,
    "lossscaleoptimizer": LossScaleOptimizer.self,
    // What tf-keras writes for the same class.
    "lossscaleoptimizerv3": LossScaleOptimizer.self,
  ])

  /// Adds an optimizer class of one's own, or replaces one of the same name.
  public static func register(_ type: (some Optimizer).Type) {
    types.withLock { $0[type.className.lowercased()] = type }
  }

  static func type(named name: String) throws(TrainingError) -> any Optimizer.Type {
    let known = types.withLock { $0 }
    guard let type = known[name.lowercased()] else {
      throw .unknownOptimizer(name: name, known: Set(known.values.map { $0.className }).sorted())
    }
    return type
  }
}
