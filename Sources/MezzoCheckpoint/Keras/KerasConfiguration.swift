import MezzoLayers
package import MezzoPolicy

/// The configuration of one layer as Keras 3 writes it, taken apart member by member.
///
/// What is wrong is noted and not thrown, so that all that does not fit is reported at once. Members that nobody took
/// are features that Mezzo does not have: they are fine where they are off, which is null, false or 0.
struct KerasConfiguration {
  /// `layer dense_1 (Dense)`, as problems name it.
  let place: String
  let className: String
  private var members: [String: JSONValue] = [:]
  private(set) var problems: [String] = []
  /// Takes the place of every policy in the file.
  let policyOverride: DTypePolicy?

  /// Members that change nothing of what a layer computes.
  private static let harmless: Set<String> = ["seed", "unroll", "zero_output_for_mask", "renorm_momentum", "autocast"]

  /// - Parameter value: `{"class_name": …, "config": {…}}`.
  init(_ value: JSONValue, policy: DTypePolicy?, within container: String) {
    className = value["class_name"]?.string ?? "?"
    policyOverride = policy
    let config = value["config"]
    let name = config?["name"]?.string ?? value["name"]?.string
    place = "\(container.isEmpty ? "" : "\(container): ")layer \(name ?? "without a name") (\(className))"
    guard let object = config?.object, value["class_name"]?.string != nil else {
      problems.append("\(place) expected a class_name and a config, found \(value.kind)")
      return
    }
    for member in object { members[member.name] = member.value }
  }

  /// - Returns: what is wrong, now that the layer is made.
  consuming func finish() -> [String] {
    for (key, value) in members.sorted(by: { $0.key < $1.key }) where !Self.harmless.contains(key) && !value.isOff {
      problems.append("\(place): \(key) is \(value.summary), which Mezzo does not have")
    }
    return problems
  }

  mutating func add(_ problem: String) { problems.append("\(place): \(problem)") }

  mutating func add(problemsOf other: [String]) { problems += other }

  /// The value of a member, which is then known; `nil` where there is none, or null.
  mutating func take(_ key: String) -> JSONValue? {
    guard let value = members.removeValue(forKey: key) else { return nil }
    if case .null = value { return nil }
    return value
  }

  /// A member of some kind, `fallback` where there is none, or after a problem was noted.
  mutating func take<Value>(
    _ key: String, _ expected: String, _ fallback: Value, _ read: (JSONValue) -> Value?
  ) -> Value {
    guard let value = take(key) else { return fallback }
    if let read = read(value) { return read }
    add("\(key) expected \(expected), found \(value.summary)")
    return fallback
  }

  /// A member that has to be there.
  mutating func require<Value>(
    _ key: String, _ expected: String, _ fallback: Value, _ read: (JSONValue) -> Value?
  ) -> Value {
    if members[key] == nil { add("expected \(key), found none") }
    return take(key, expected, fallback, read)
  }

  /// More than any extent of a layer is, and so few that products of them fit.
  static func isExtent(_ value: Int) -> Bool { (-1...1 << 24).contains(value) }

  mutating func integer(_ key: String) -> Int { require(key, "an integer up to 2²⁴", 1) { $0.extent } }
  mutating func optionalInteger(_ key: String) -> Int? { take(key, "an integer up to 2²⁴", nil) { $0.extent } }
  mutating func number(_ key: String, _ fallback: Double) -> Double { take(key, "a number", fallback) { $0.number } }
  mutating func optionalNumber(_ key: String) -> Double? { take(key, "a number", nil) { $0.number } }
  mutating func bool(_ key: String, _ fallback: Bool) -> Bool { take(key, "true or false", fallback) { $0.bool } }

  mutating func integers(_ key: String) -> [Int] {
    require(key, "integers", []) { value in
      let integers = value.array?.compactMap(\.extent)
      return integers?.count == value.array?.count ? integers : nil
    }
  }

  /// One of the values of an enumeration.
  mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ key: String, _ fallback: Choice
  ) -> Choice {
    let expected = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    return take(key, expected, fallback) { $0.string.flatMap(Choice.init(rawValue:)) }
  }

  /// One number for all axes, or one for each.
  mutating func extents(_ key: String, _ fallback: Extents = 1) -> Extents {
    optionalExtents(key) ?? fallback
  }

  mutating func optionalExtents(_ key: String) -> Extents? {
    take(key, "an integer or one for each axis", nil) { value in
      if let one = value.extent { return Extents([one]) }
      let all = value.array?.compactMap(\.extent) ?? []
      return all.isEmpty || all.count != value.array?.count ? nil : Extents(all)
    }
  }

  /// `1`, `[1, 2]` for the only axis or one amount an axis, `[[1, 2], [3, 4]]`.
  mutating func margins(_ key: String, axes: Int) -> Margins {
    require(key, "amounts before and behind each axis", 1) { value in
      if let one = value.extent { return Margins([(one, one)]) }
      guard let elements = value.array else { return nil }
      let amounts = elements.compactMap(\.extent)
      if amounts.count == elements.count, axes == 1, amounts.count == 2 { return Margins([(amounts[0], amounts[1])]) }
      if amounts.count == elements.count { return amounts.isEmpty ? nil : Margins(amounts.map { ($0, $0) }) }
      let pairs = elements.compactMap { $0.array?.compactMap(\.extent) }
      guard pairs.count == elements.count, pairs.allSatisfy({ $0.count == 2 }) else { return nil }
      return Margins(pairs.map { ($0[0], $0[1]) })
    }
  }

  mutating func activation(
    _ key: String = "activation", _ fallback: ActivationFunction = .linear
  ) -> ActivationFunction {
    take(key, "an activation that Mezzo has", fallback) { value in
      guard let name = value.string else { return nil }
      return ActivationFunction(rawValue: name == "swish" ? "silu" : name == "hard_swish" ? "hard_silu" : name)
    }
  }

  /// What a variable would begin with. The weights of the file take its place, so one that Mezzo does not have is no
  /// problem.
  mutating func initializer(_ key: String, _ fallback: Initializer) -> Initializer {
    guard let value = take(key) else { return fallback }
    let config = value["config"]
    func number(_ key: String, _ fallback: Double) -> Double { config?[key]?.number ?? fallback }
    switch value.string ?? value["class_name"]?.string {
    case "Zeros", "zeros": return .zeros
    case "Ones", "ones": return .ones
    case "Constant": return .constant(number("value", 0))
    case "GlorotUniform", "glorot_uniform": return .glorotUniform
    case "GlorotNormal", "glorot_normal": return .glorotNormal
    case "HeUniform", "he_uniform": return .heUniform
    case "HeNormal", "he_normal": return .heNormal
    case "LecunUniform", "lecun_uniform": return .lecunUniform
    case "LecunNormal", "lecun_normal": return .lecunNormal
    case "TruncatedNormal":
      return .truncatedNormal(mean: number("mean", 0), deviation: number("stddev", 0.05))
    case "VarianceScaling":
      return .varianceScaling(
        scale: number("scale", 1),
        mode: config?["mode"]?.string.flatMap(FanMode.init(rawValue:)) ?? .fanIn,
        distribution: config?["distribution"]?.string.flatMap(ScaledDistribution.init(rawValue:))
          ?? .truncatedNormal)
    case "Identity", "IdentityInitializer", "identity": return .identity(gain: number("gain", 1))
    case "Orthogonal", "orthogonal": return .orthogonal
    case "RandomUniform": return .randomUniform(minimum: number("minval", -0.05), maximum: number("maxval", 0.05))
    case "RandomNormal": return .randomNormal(mean: number("mean", 0), deviation: number("stddev", 0.05))
    default: return fallback
    }
  }

  mutating func regularizer(_ key: String) -> Regularizer? {
    take(key, "the regularizer L1, L2, L1L2 or OrthogonalRegularizer", nil) { value in
      let config = value["config"]
      if value["class_name"]?.string == "OrthogonalRegularizer" {
        return .orthogonal(
          config?["factor"]?.number ?? 0.01, ofColumns: config?["mode"]?.string == "columns")
      }
      switch (value["class_name"]?.string, config?["l1"]?.number, config?["l2"]?.number) {
      case ("L1", let l1?, _): return .l1(l1)
      case ("L2", _, let l2?): return .l2(l2)
      case ("L1L2", let l1?, let l2?): return .l1l2(l1: l1, l2: l2)
      default: return nil
      }
    }
  }

  mutating func constraint(_ key: String) -> Constraint? {
    take(key, "the constraint MaxNorm, NonNeg, UnitNorm or MinMaxNorm", nil) { value in
      let config = value["config"]
      func number(_ key: String, _ fallback: Double) -> Double { config?[key]?.number ?? fallback }
      let axis =
        config?["axis"].flatMap { $0.integer.map { [$0] } ?? $0.array?.compactMap(\.integer) } ?? [
          0
        ]
      switch value["class_name"]?.string {
      case "MaxNorm": return .maxNorm(number("max_value", 2), axis: axis)
      case "NonNeg": return .nonNegative
      case "UnitNorm": return .unitNorm(axis: axis)
      case "MinMaxNorm":
        return .minMaxNorm(
          minimum: number("min_value", 0), maximum: number("max_value", 1), rate: number("rate", 1),
          axis: axis)
      default: return nil
      }
    }
  }

  mutating func name() -> String? { take("name", "a string", nil) { $0.string } }

  /// The policy of `dtype`.
  mutating func policy() -> DTypePolicy {
    let written = take("dtype")
    if let policyOverride { return policyOverride }
    guard let written else { return .float32 }
    do throws(PolicyError) {
      // Keras notes here which objects were one.
      return try DTypePolicy.deserialize(written.without("shared_object_id").configuration, dialect: .keras3)
    } catch {
      add("\(error)")
      return .float32
    }
  }
}

extension JSONValue {
  /// An integer that can be an extent.
  fileprivate var extent: Int? { integer.flatMap { KerasConfiguration.isExtent($0) ? $0 : nil } }

  /// Whether a feature with this value is off.
  fileprivate var isOff: Bool {
    switch self {
    case .null, .bool(false), .integer(0), .number(0): true
    default: false
    }
  }

  /// The value as error messages show it.
  fileprivate var summary: String { configuration.summary }

  fileprivate func without(_ name: String) -> JSONValue {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { $0.name != name })
  }

  package var configuration: ConfigurationValue {
    switch self {
    case .null: .null
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .number(let value): .number(value)
    case .string(let value): .string(value)
    case .array(let values): .array(values.map(\.configuration))
    case .object(let members):
      .object(Dictionary(members.map { ($0.name, $0.value.configuration) }) { _, last in last })
    }
  }
}
