import MezzoPolicy

/// The configuration that Keras writes: the scale it began with, not the current one, which belongs to a checkpoint.
///
/// What TensorFlow ≤ 2.3 wrote is read too: `{"optimizer": …, "loss_scale": {"class_name": "DynamicLossScale", …}}`. The
/// dialect of the current ``PolicyEnvironment`` decides between Keras 3's form, which knows no `dynamic`, and the other
/// systems'. Settings that Keras has no names for stand under `loss_scale_dynamics`.
extension LossScaleOptimizer: Codable {
  private enum Key: String, CodingKey {
    case innerOptimizer = "inner_optimizer"
    case optimizer
    case dynamics = "loss_scale_dynamics"
  }

  /// The inner optimizer is under another name in files of TensorFlow ≤ 2.3.
  private static let known: Set = [
    "inner_optimizer", "optimizer", "loss_scale", "dynamic", "initial_scale", "dynamic_growth_steps",
    "loss_scale_dynamics", "name",
  ]

  /// - Throws: `LossScaleError`, `TrainingError` or `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let members = try [String: ConfigurationValue](from: decoder)
    let container = try decoder.container(keyedBy: Key.self)
    if let unknown = members.filter({ !Self.known.contains($0.key) && $0.value != .null }).keys.sorted().first {
      throw LossScaleError.unknown(argument: unknown)
    }
    let key: Key = members["loss_scale"] == nil ? .innerOptimizer : .optimizer
    guard members[key.rawValue] != nil else { throw LossScaleError.missing(argument: key.rawValue) }
    let inner = try container.decode(AnyOptimizer.self, forKey: key).optimizer
    let configuration = try LossScaleConfiguration(members: members, dialect: PolicyEnvironment.current.dialect)
    if let dynamics = try container.decodeIfPresent(LossScale.Dynamics.self, forKey: .dynamics) {
      try self.init(
        inner, lossScale: LossScale(initialScale: Float(configuration.initialScale), dynamics: dynamics))
    } else {
      try self.init(inner, lossScale: configuration.lossScale)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    let configuration = try configuration
    var members = configuration.members
    if configuration.dialect == .keras3 { members["name"] = "loss_scale_optimizer" }
    try members.encode(to: encoder)
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(AnyOptimizer(innerOptimizer), forKey: .innerOptimizer)
    if configuration.lossScale.dynamics != lossScale.dynamics {
      try container.encode(lossScale.dynamics, forKey: .dynamics)
    }
  }

  /// The settings that Keras has names for.
  private var configuration: LossScaleConfiguration {
    get throws(LossScaleError) {
      let isKeras3 = PolicyEnvironment.current.dialect == .keras3
      return try LossScaleConfiguration(
        dynamic: lossScale.isDynamic, initialScale: initialScale,
        dynamicGrowthSteps: lossScale.dynamics?.growthInterval, dialect: isKeras3 ? .keras3 : .mezzo)
    }
  }

  /// The scale as it was most likely typed: the shortest decimal that is this `Float`.
  private var initialScale: Double { Double("\(lossScale.initialScale)") ?? Double(lossScale.initialScale) }
}
