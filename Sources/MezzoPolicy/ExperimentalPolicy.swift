extension Experimental {
  /// Which loss scale a ``Policy`` is to have.
  public enum LossScaleIdentifier: Sendable, Hashable {
    /// A dynamic one for `mixed_float16`, none for every other name.
    case auto
    case none
    case dynamic
    /// At least 1.
    case fixed(Double)
    case scale(LossScale)

    /// From what a configuration, or a Python program, has: null, `"auto"`, `"dynamic"`, a number, or what
    /// ``LossScale/configuration`` writes.
    ///
    /// - Throws: ``LossScaleError``
    public init(_ value: ConfigurationValue) throws(LossScaleError) {
      switch value {
      case .null: self = .none
      case .string("auto"): self = .auto
      case .string("dynamic"): self = .dynamic
      case .integer(let scale): self = .fixed(Double(scale))
      case .number(let scale): self = .fixed(scale)
      case .object: self = .scale(try LossScale(configuration: value))
      case .string(let text): throw .value(argument: "loss_scale", expected: Self.expected, found: "\"\(text)\"")
      case .bool, .array: throw .kind(argument: "loss_scale", expected: Self.expected, found: value.kind)
      }
    }

    private static let expected = "\"auto\", \"dynamic\", null, a number of at least 1 or a configuration"
  }

  /// TensorFlow's `PolicyV1`: a policy that brings its own loss scale.
  ///
  /// New programs use a ``DTypePolicy`` and leave the scale to the training, which goes by what layers compute in.
  ///
  /// ```swift
  /// let policy = try Experimental.Policy("mixed_float16", lossScale: .fixed(128))
  /// policy.dtypePolicy  // <Policy "mixed_float16">
  /// policy.lossScale    // what to train with; nil: without a scale, even for mixed_float16
  /// ```
  public struct Policy: Sendable, Hashable, CustomStringConvertible {
    /// The policy without the scale.
    public let dtypePolicy: DTypePolicy

    /// The scale as TensorFlow describes it.
    public let declaredLossScale: LossScale?

    /// Whether the scale follows from the name. Configurations then do not have it.
    public let isLossScaleAutomatic: Bool

    /// - Throws: ``PolicyError`` if no policy has the name, then ``LossScaleError`` for a fixed scale below 1.
    public init(_ name: String, lossScale: LossScaleIdentifier = .auto, dialect: PolicyDialect = .mezzo) throws {
      dtypePolicy = try DTypePolicy(name, dialect: dialect)
      isLossScaleAutomatic = lossScale == .auto
      declaredLossScale =
        switch lossScale {
        case .auto: name == DTypePolicy.mixedFloat16.name ? .dynamic() : nil
        case .none: nil
        case .dynamic: .dynamic()
        case .fixed(let scale), .scale(.fixed(let scale)): try LossScale(fixed: scale)
        case .scale(let scale): scale
        }
    }

    /// What to train with, at its start; nil: without a scale, which a fixed one of 1 comes to.
    public var lossScale: MezzoPolicy.LossScale? { declaredLossScale?.scale }

    /// What to tell the user who chose the scale, if it is of no use: it serves float16 alone.
    public var warning: String? {
      guard let declaredLossScale, let computeDType = dtypePolicy.computeDType, computeDType != .float16 else {
        return nil
      }
      return """
        The policy "\(dtypePolicy.name)" computes in \(computeDType), where a loss scale is of no use, but got \
        \(declaredLossScale). Leave the loss scale out.
        """
    }

    /// As TensorFlow prints it: `<PolicyV1 "float16", loss_scale=FixedLossScale(8.0)>`.
    public var description: String {
      "<\(Self.className) \"\(dtypePolicy.name)\", loss_scale=\(declaredLossScale?.description ?? "None")>"
    }

    fileprivate static let className = "PolicyV1"
  }
}

// MARK: - Configurations

extension Experimental.Policy {
  /// `{"name": "float16", "loss_scale": …}`; `loss_scale` is absent if it follows from the name.
  public var configuration: ConfigurationValue {
    var members: [String: ConfigurationValue] = ["name": .string(dtypePolicy.name)]
    if !isLossScaleAutomatic { members["loss_scale"] = declaredLossScale?.configuration ?? .null }
    return .object(members)
  }

  /// From what ``configuration`` writes.
  ///
  /// - Throws: ``PolicyError`` for the name and for unknown members, ``LossScaleError`` for the scale.
  public init(configuration: ConfigurationValue, dialect: PolicyDialect = .mezzo) throws {
    guard case .object(let members) = configuration, case .string(let name)? = members["name"] else {
      throw PolicyError.configuration(
        place: "config", expected: "an object with a name", found: configuration["name"]?.kind ?? configuration.kind)
    }
    if let unknown = members.keys.filter({ $0 != "name" && $0 != "loss_scale" }).min() {
      throw PolicyError.configuration(
        place: "config", expected: "the keys name and loss_scale", found: "the key \"\(unknown)\"")
    }
    try self.init(
      name, lossScale: try members["loss_scale"].map { try Experimental.LossScaleIdentifier($0) } ?? .auto,
      dialect: dialect)
  }

  /// What TensorFlow writes into the configuration of a layer. ``DTypePolicy/deserialize(_:dialect:)`` reads it, and as
  /// there makes a policy without the scale of it.
  public var serialized: ConfigurationValue {
    ["class_name": .string(Self.className), "config": configuration]
  }
}
