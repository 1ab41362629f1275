import MezzoPolicy

/// A layer of any kind in a configuration: `{"class_name": "Dense", "config": {…}}`.
public struct AnyLayer: Codable, Sendable {
  public var layer: any Layer

  public init(_ layer: any Layer) { self.layer = layer }

  private enum Key: String, CodingKey {
    case className = "class_name"
    case config
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    let type = try LayerRegistry.type(named: try container.decode(String.self, forKey: .className))
    layer = try type.init(from: try container.superDecoder(forKey: .config))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(type(of: layer).className, forKey: .className)
    try layer.encode(to: container.superEncoder(forKey: .config))
  }
}

/// The layer classes that configurations can name.
public enum LayerRegistry {
  private static let types = Locked<[String: any Layer.Type]>(
    Dictionary(
      uniqueKeysWithValues: ([
        Activation.self, BatchNormalization.self, Cast.self, Dense.self, Dropout.self, Embedding.self, Flatten.self,
        LayerNormalization.self, Sequential.self, Softmax.self,
      ] as [any Layer.Type]).map { ($0.className, $0) }))

  /// Adds a layer class of one's own, or replaces one of the same name.
  public static func register(_ type: (some Layer).Type) {
    types.withLock { $0[type.className] = type }
  }

  static func type(named name: String) throws(LayerError) -> any Layer.Type {
    let known = types.withLock { $0 }
    guard let type = known[name] else { throw .unknownClass(name: name, known: known.keys.sorted()) }
    return type
  }
}
