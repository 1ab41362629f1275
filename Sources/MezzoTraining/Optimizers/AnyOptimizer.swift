import MezzoPolicy

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
    optimizer = try type.init(from: try container.superDecoder(forKey: .config))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(type(of: optimizer).className, forKey: .className)
    try optimizer.encode(to: container.superEncoder(forKey: .config))
  }
}

/// The optimizer classes that configurations can name. As in Keras, case does not matter.
public enum OptimizerRegistry {
  private static let types = Locked<[String: any Optimizer.Type]>([
    "sgd": SGD.self, "adam": Adam.self, "adamw": Adam.self, "lossscaleoptimizer": LossScaleOptimizer.self,
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
