public import MezzoGraph
public import MezzoPolicy

/// Layers one after the other.
///
/// ```swift
/// let layers = Sequential {
///   Flatten()
///   Dense(512, activation: .relu)
///   Dense(10, policy: .float32)
/// }
/// ```
public struct Sequential: LayerContainer {
  public var layers: [any Layer]
  public var name: String?
  public let policy: DTypePolicy

  public init(_ layers: [any Layer], name: String? = nil, policy: DTypePolicy? = nil) {
    self.layers = layers
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public init(name: String? = nil, @LayerBuilder _ layers: () throws -> [any Layer]) rethrows {
    self.init(try layers(), name: name)
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let names = names
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw LayerError.invalidConfiguration(
        layer: context.path.isEmpty ? "the model" : "layer \(context.path)",
        expected: "layers of different names, since a name is the path to a layer's variables",
        found: "two named \(twice)")
    }
    var output = input
    for (layer, name) in zip(layers, names) { output = try context.call(layer, output, name: name) }
    return output
  }

  /// Each layer's own name, or that of its class, made unique by a number as Keras does: `dense`, `dense_1`.
  public var names: [String] {
    var used: Set<String> = Set(layers.compactMap(\.name))
    return layers.map { layer in
      if let name = layer.name { return name }
      let base = type(of: layer).defaultName
      var name = base
      var number = 0
      while !used.insert(name).inserted {
        number += 1
        name = "\(base)_\(number)"
      }
      return name
    }
  }
}

extension Sequential: Codable {
  private enum Key: String, CodingKey { case layers, name, policy }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    layers = try container.decode([AnyLayer].self, forKey: .layers).map(\.layer)
    name = try container.decodeIfPresent(String.self, forKey: .name)
    policy = try container.decode(DTypePolicy.self, forKey: .policy)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(layers.map(AnyLayer.init), forKey: .layers)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encode(policy, forKey: .policy)
  }
}

@resultBuilder
public enum LayerBuilder {
  public static func buildExpression(_ layer: any Layer) -> [any Layer] { [layer] }
  public static func buildBlock(_ parts: [any Layer]...) -> [any Layer] { parts.flatMap { $0 } }
  public static func buildOptional(_ part: [any Layer]?) -> [any Layer] { part ?? [] }
  public static func buildEither(first part: [any Layer]) -> [any Layer] { part }
  public static func buildEither(second part: [any Layer]) -> [any Layer] { part }
  public static func buildArray(_ parts: [[any Layer]]) -> [any Layer] { parts.flatMap { $0 } }
}
