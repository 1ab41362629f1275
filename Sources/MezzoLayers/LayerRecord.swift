import MezzoBackend
public import MezzoPolicy

/// A layer as it is in a model: where, and which policy it ended up with.
///
/// Models keep it once they are built, and save it: what was inferred from the first input, or taken from a layer
/// around it, stays.
public struct LayerRecord: Sendable, Hashable {
  /// `encoder.dense_1`; empty for a model's only layer, or its container.
  public let path: String
  /// What configurations call this kind of layer.
  public let className: String
  /// Whether it is made of others and computes nothing itself, so that its policy casts nothing.
  public let isContainer: Bool
  /// What the layer was given, or took when it was made; which of them its origin says.
  public let requested: DTypePolicy
  /// What it was assigned in the model: `requested`, or where a ``SublayerPolicy`` says so that of the layer around it
  /// or the global one.
  public let assigned: DTypePolicy
  /// What it follows: `assigned`, but for a rule for its kind in that policy, and with `DTypePolicy.infer` resolved.
  public internal(set) var policy: DTypePolicy

  init(path: String, layer: any Layer, assigned: DTypePolicy) {
    self.path = path
    className = type(of: layer).className
    isContainer = layer is any LayerContainer
    requested = layer.policy
    self.assigned = assigned
    policy = assigned.policy(forLayerClass: className)
  }

  private init(_ record: LayerRecord, following policy: DTypePolicy) {
    path = record.path
    className = record.className
    isContainer = record.isContainer
    requested = record.requested
    assigned = policy
    self.policy = policy.policy(forLayerClass: className)
  }

  /// The same layer, assigned another policy.
  func following(_ policy: DTypePolicy) -> LayerRecord { LayerRecord(self, following: policy) }

  /// Whether `layer` may be the one that is recorded.
  func fits(_ layer: any Layer) -> Bool { className == type(of: layer).className && requested == layer.policy }
}

extension LayerRecord: Codable {
  private enum Key: String, CodingKey {
    case path, requested, assigned, policy, origin
    case requestedOrigin = "requested_origin"
    case className = "class_name"
    case isContainer = "is_container"
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    path = try container.decode(String.self, forKey: .path)
    className = try container.decode(String.self, forKey: .className)
    isContainer = try container.decodeIfPresent(Bool.self, forKey: .isContainer) ?? false
    let origin = try container.decode(PolicyOrigin.self, forKey: .origin)
    assigned = try container.decode(DTypePolicy.self, forKey: .assigned).from(origin)
    let requested = try container.decode(DTypePolicy.self, forKey: .requested)
    // Files that do not say it are older. A layer whose policy was its own follows it, unless the model was re-policied.
    self.requested = requested.from(
      try container.decodeIfPresent(PolicyOrigin.self, forKey: .requestedOrigin)
        ?? (requested == assigned ? origin : .floatx))
    policy = try container.decode(DTypePolicy.self, forKey: .policy).from(origin)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(path, forKey: .path)
    try container.encode(className, forKey: .className)
    try container.encode(isContainer, forKey: .isContainer)
    try container.encode(requested, forKey: .requested)
    try container.encode(requested.origin, forKey: .requestedOrigin)
    try container.encode(assigned, forKey: .assigned)
    try container.encode(policy, forKey: .policy)
    try container.encode(policy.origin, forKey: .origin)
  }
}

/// What a model knows since it saw its first input.
struct BuiltModel: Sendable {
  var variables: Variables { didSet { revision = Revision() } }
  /// Another one as soon as a variable may be another.
  private(set) var revision = Revision()
  /// The types of the first inputs; `nil` in a model that was loaded and not called yet.
  var inputs: Arguments<TensorType>?
  /// Variables that inference assigns to.
  var states: Set<String>
  /// In the order of their first calls.
  private(set) var layers: [LayerRecord]
  private var places: [String: Int]

  init(
    variables: Variables, layers: [LayerRecord], inputs: Arguments<TensorType>? = nil, states: Set<String> = []
  ) {
    self.states = states
    self.variables = variables
    self.inputs = inputs
    self.layers = []
    places = [:]
    add(layers)
  }

  final class Revision: Sendable {}

  /// The layer at `path`, if a call has met it.
  func layer(at path: String) -> LayerRecord? { places[path].map { layers[$0] } }

  /// Notes layers that no call had met before. Those that are known stay as they are.
  mutating func add(_ new: [LayerRecord]) {
    for layer in new where places[layer.path] == nil {
      places[layer.path] = layers.count
      layers.append(layer)
    }
  }
}
