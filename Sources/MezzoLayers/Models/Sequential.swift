public import MezzoPolicy

/// Layers one after the other.
///
/// ```swift
/// let layers = Sequential {
///   Flatten()
///   Dense(512, activation: .relu)
///   Dense(10, policy: .float32)
/// }
/// let output = try Model(layers)(Tensor(zeros: TensorType(.float32, [32, 28, 28])))  // float32[32, 10]
/// ```
public struct Sequential: LayerContainer {
  public var layers: [any Layer]
  public var name: String?
  public let policy: DTypePolicy
  public var sublayerPolicy: SublayerPolicy

  /// - Parameters:
  ///   - policy: what a ``SublayerPolicy/parent`` hands to the layers; computes nothing by itself.
  ///   - sublayerPolicy: what layers follow that were given no policy; by default what they took when they were made, or what
  ///     the layer around this one says.
  public init(
    _ layers: [any Layer], name: String? = nil, policy: DTypePolicy? = nil, sublayerPolicy: SublayerPolicy = .own
  ) {
    self.layers = layers
    self.name = name
    self.policy = policy ?? globalPolicy()
    self.sublayerPolicy = sublayerPolicy
  }

  public init(name: String? = nil, @LayerBuilder _ layers: () throws -> [any Layer]) rethrows {
    self.init(try layers(), name: name)
  }

  /// The first layer gets all inputs, each other what the one before it returned.
  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let names = names
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw LayerError.sameName(container: context.path, name: twice)
    }
    var inputs = inputs
    for (layer, name) in zip(layers, names) {
      inputs = LayerInputs(try context.call(layer, inputs, name: name))
    }
    guard inputs.positional.count == 1, inputs.named.isEmpty else {
      throw LayerError.inputs(
        layer: context.path, expected: "one argument, since it has no layers",
        found: "\(inputs.positional.count + inputs.named.count)")
    }
    return inputs.positional[0]
  }

  /// Each layer's own name, or that of its class, made unique by a number as Keras does: `dense`, `dense_1`.
  public var names: [String] { LayerNames.unique(layers) }
}

extension Sequential: Codable {
  private enum Key: String, CodingKey { case layers, name, policy, sublayerPolicy }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    layers = try container.decode([AnyLayer].self, forKey: .layers).map(\.layer)
    name = try container.decodeIfPresent(String.self, forKey: .name)
    policy = try container.decode(DTypePolicy.self, forKey: .policy)
    sublayerPolicy = try container.decodeIfPresent(SublayerPolicy.self, forKey: .sublayerPolicy) ?? .own
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(layers.map(AnyLayer.init), forKey: .layers)
    try container.encodeIfPresent(name, forKey: .name)
    try container.encode(policy, forKey: .policy)
    try container.encode(sublayerPolicy, forKey: .sublayerPolicy)
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
