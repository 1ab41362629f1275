import MezzoPolicy

/// The members of the configuration of an optimizer, a loss, a metric or a schedule, in Keras's names, as they are read one
/// after the other.
///
/// What is left over at the end is refused unless it says nothing: a setting that is not known must not be lost silently.
struct ClassConfiguration {
  let className: String
  private var members: [String: ConfigurationValue]

  init(_ className: String, from decoder: any Decoder) throws {
    self.className = className
    members = try [String: ConfigurationValue](from: decoder)
  }

  init(_ className: String, _ members: [String: ConfigurationValue]) {
    self.className = className
    self.members = members
  }

  /// From `{"class_name": …, "config": {…}}`.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    className = try container.decode(String.self, forKey: .className)
    members = try container.decodeIfPresent([String: ConfigurationValue].self, forKey: .config) ?? [:]
  }

  private enum Key: String, CodingKey {
    case className = "class_name"
    case config
  }

  mutating func number(_ key: String, default fallback: Double) throws(TrainingError) -> Double {
    try optionalNumber(key) ?? fallback
  }

  mutating func flag(_ key: String, default fallback: Bool) throws(TrainingError) -> Bool {
    switch members.removeValue(forKey: key) {
    case .bool(let value)?: return value
    case nil, .null?: return fallback
    case let value?: throw invalid(key, "true or false", value)
    }
  }

  mutating func text(_ key: String, default fallback: String) throws(TrainingError) -> String {
    switch members.removeValue(forKey: key) {
    case .string(let value)?: return value
    case nil, .null?: return fallback
    case let value?: throw invalid(key, "a string", value)
    }
  }

  /// Whether there is such a member, and it is null.
  func isNull(_ key: String) -> Bool {
    if case .null? = members[key] { return true }
    return false
  }

  /// Strings in an array; none for null.
  mutating func texts(_ key: String) throws(TrainingError) -> [String] {
    let value = members.removeValue(forKey: key) ?? .null
    if case .null = value { return [] }
    guard case .array(let elements) = value else { throw invalid(key, "an array of strings", value) }
    var texts: [String] = []
    for element in elements {
      guard case .string(let text) = element else { throw invalid(key, "an array of strings", element) }
      texts.append(text)
    }
    return texts
  }

  /// One of a few words; nil for null.
  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, default fallback: Choice? = nil
  ) throws(TrainingError) -> Choice? where Choice.RawValue == String {
    if case .null? = members[key] {
      members[key] = nil
      return nil
    }
    let word = try text(key, default: fallback?.rawValue ?? "")
    guard let choice = Choice(rawValue: word) else {
      if word.isEmpty { return nil }
      throw .invalidOption(
        name: "'\(key)' of \(className)",
        expected: "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))", found: word)
    }
    return choice
  }

  mutating func integer(_ key: String, default fallback: Int? = nil) throws(TrainingError) -> Int {
    let value = members[key]
    guard let number = try optionalNumber(key) ?? fallback.map({ Double($0) }), let integer = Int(exactly: number)
    else {
      throw invalid(key, "an integer", value ?? .null)
    }
    return integer
  }

  mutating func optionalInteger(_ key: String) throws(TrainingError) -> Int? {
    switch members[key] {
    case nil, .null?: nil
    default: try integer(key)
    }
  }

  mutating func numbers(_ key: String) throws(TrainingError) -> [Double] {
    let value = members.removeValue(forKey: key) ?? .null
    guard case .array(let elements) = value else { throw invalid(key, "an array of numbers", value) }
    var numbers: [Double] = []
    for element in elements {
      switch element {
      case .integer(let number): numbers.append(Double(number))
      case .number(let number): numbers.append(number)
      default: throw invalid(key, "an array of numbers", element)
      }
    }
    return numbers
  }

  mutating func integers(_ key: String) throws(TrainingError) -> [Int] {
    var integers: [Int] = []
    for number in try numbers(key) {
      guard let integer = Int(exactly: number) else { throw invalid(key, "an array of integers", .number(number)) }
      integers.append(integer)
    }
    return integers
  }

  /// A number or several; nil where there are none.
  mutating func axes(_ key: String) throws(TrainingError) -> [Int]? {
    switch members[key] {
    case nil, .null?:
      members[key] = nil
      return nil
    case .array?: return try integers(key)
    default: return [try integer(key)]
    }
  }

  /// Takes an `axis`, which can be nothing but the last one here.
  mutating func requireLast() throws(TrainingError) {
    if let axis = try optionalNumber("axis"), axis != -1 {
      throw .invalidOption(name: "'axis' of \(className)", expected: "-1", found: "\(axis)")
    }
  }

  /// `clipvalue`, `clipnorm` or `global_clipnorm`, of which there may be one.
  mutating func clipping() throws(TrainingError) -> GradientClipping? {
    var found: [GradientClipping] = []
    if let limit = try optionalNumber("clipvalue") { found.append(.value(limit)) }
    if let limit = try optionalNumber("clipnorm") { found.append(.norm(limit)) }
    if let limit = try optionalNumber("global_clipnorm") { found.append(.globalNorm(limit)) }
    guard found.count <= 1 else {
      throw .invalidOption(
        name: "\(className)'s configuration", expected: "one of clipvalue, clipnorm and global_clipnorm",
        found: "\(found.count) of them")
    }
    return found.first
  }

  /// - Throws: `TrainingError.invalidOption` where something is left that would have changed the training.
  func finish() throws(TrainingError) {
    // How a moving average is made matters only where there is one.
    let names: Set = [
      "name", "dtype", "ema_momentum", "ema_overwrite_frequency", "jit_compile", "is_legacy_optimizer",
    ]
    for (key, value) in members.sorted(by: { $0.key < $1.key }) where !names.contains(key) {
      switch value {
      case .null, .bool(false), .integer(0), .number(0): continue
      default: throw invalid(key, "left out, since it is not known here", value)
      }
    }
  }

  mutating func optionalNumber(_ key: String) throws(TrainingError) -> Double? {
    switch members.removeValue(forKey: key) {
    case .integer(let value)?: return Double(value)
    case .number(let value)?: return value
    case nil, .null?: return nil
    case let value?: throw invalid(key, "a number", value)
    }
  }

  private func invalid(_ key: String, _ expected: String, _ found: ConfigurationValue) -> TrainingError {
    .invalidOption(name: "'\(key)' of \(className)", expected: expected, found: found.kind)
  }
}

extension GradientClipping {
  /// The member of a configuration.
  var member: (key: String, value: ConfigurationValue) {
    switch self {
    case .value(let limit): ("clipvalue", .number(limit))
    case .norm(let limit): ("clipnorm", .number(limit))
    case .globalNorm(let limit): ("global_clipnorm", .number(limit))
    }
  }
}

extension [String: ConfigurationValue] {
  /// With what the clipping says, if there is any.
  func adding(_ clipping: GradientClipping?) -> [String: ConfigurationValue] {
    guard let (key, value) = clipping?.member else { return self }
    return merging([key: value]) { _, new in new }
  }
}
