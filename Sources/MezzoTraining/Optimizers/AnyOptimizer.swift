public import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An optimizer of any kind in a configuration: `{"class_name": "SGD", "config": {…}}`.
public struct AnyOptimizer: Codable, Sendable {
  public var optimizer: any Optimizer

  public init(_ optimizer: any Optimizer) { self.optimizer = optimizer }

  /// - Parameters:
  ///   - className: of an optimizer that is registered; case does not matter.
  ///   - configuration: its settings, in Keras's names.
  /// - Throws: `TrainingError`, `LossScaleError` or `DecodingError`.
  public init(className: String, configuration: [String: ConfigurationValue]) throws {
    let members: [String: ConfigurationValue] = [
      Key.className.rawValue: .string(className), Key.config.rawValue: .object(configuration),
    ]
    self = try JSONDecoder().decode(AnyOptimizer.self, from: try JSONEncoder().encode(members))
  }

  private enum Key: String, CodingKey {
    case className = "class_name"
    case config
  }

  /// - Throws: `TrainingError`, `LossScaleError` or `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let type = try OptimizerRegistry.type(named: try container.decode(String.self, forKey: .className))
    // A schedule stands in the place of the rate, and averages are members of what is averaged.
    var members = try container.decodeIfPresent([String: ConfigurationValue].self, forKey: .config) ?? [:]
    let schedule = try Self.schedule(members[Self.rate])
    let average = try Average(&members, of: type.className)
    guard schedule != nil || average != nil else {
      optimizer = try type.init(from: try container.superDecoder(forKey: .config))
      return
    }
    if let schedule { members[Self.rate] = .number(schedule(0)) }
    let inner: any Optimizer = try JSONDecoder().decode(type, from: try JSONEncoder().encode(members))
    let scheduled = schedule.map { Scheduled(inner, by: $0) } ?? inner
    optimizer =
      average.map {
        ExponentialMovingAverage(scheduled, momentum: $0.momentum, overwriteFrequency: $0.overwriteFrequency)
      } ?? scheduled
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    var inner = optimizer
    var added: [String: ConfigurationValue] = [:]
    while true {
      if let scheduled = inner as? Scheduled {
        // The outer one is what counts.
        if added[Self.rate] == nil { added[Self.rate] = scheduled.schedule.configuration }
        inner = scheduled.innerOptimizer
      } else if let averaged = inner as? ExponentialMovingAverage {
        added.merge(Average(averaged).members) { outer, _ in outer }
        inner = averaged.innerOptimizer
      } else {
        break
      }
    }
    try container.encode(type(of: inner).className, forKey: .className)
    guard !added.isEmpty else { return try inner.encode(to: container.superEncoder(forKey: .config)) }
    let members = try JSONDecoder().decode([String: ConfigurationValue].self, from: try JSONEncoder().encode(inner))
    try container.encode(members.merging(added) { _, new in new }, forKey: .config)
  }

  private static let rate = "learning_rate"

  private static func schedule(_ value: ConfigurationValue?) throws -> LearningRateSchedule? {
    guard case .object? = value else { return nil }
    return try JSONDecoder().decode(LearningRateSchedule.self, from: try JSONEncoder().encode(value))
  }

  /// `{"use_ema": true, "ema_momentum": 0.99, "ema_overwrite_frequency": null}`
  private struct Average {
    var momentum: Double
    var overwriteFrequency: Int?

    init(_ optimizer: ExponentialMovingAverage) {
      momentum = optimizer.momentum
      overwriteFrequency = optimizer.overwriteFrequency
    }

    /// Takes it from a configuration; nil where it asks for none.
    init?(_ members: inout [String: ConfigurationValue], of name: String) throws {
      guard case .bool(true)? = members["use_ema"] else { return nil }
      let keys = ["use_ema", "ema_momentum", "ema_overwrite_frequency"]
      var read = ClassConfiguration(name, keys.reduce(into: [:]) { $0[$1] = members.removeValue(forKey: $1) })
      momentum = try read.number("ema_momentum", default: 0.99)
      overwriteFrequency = try read.optionalInteger("ema_overwrite_frequency")
    }

    var members: [String: ConfigurationValue] {
      [
        "use_ema": true, "ema_momentum": .number(momentum),
        "ema_overwrite_frequency": overwriteFrequency.map { .integer($0) } ?? .null,
      ]
    }
  }
}

/// The optimizer classes that configurations can name. As in Keras, case does not matter.
public enum OptimizerRegistry {
  private static let types = Locked<[String: any Optimizer.Type]>([
    "sgd": SGD.self, "adam": Adam.self, "adamw": Adam.self, "adamax": Adamax.self, "nadam": Nadam.self,
    "rmsprop": RMSprop.self, "adagrad": Adagrad.self, "adadelta": Adadelta.self, "ftrl": Ftrl.self, "lion": Lion.self,
    "adafactor": Adafactor.self, "lamb": Lamb.self, "muon": Muon.self, "schedulefreeadamw": ScheduleFreeAdamW.self,
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
