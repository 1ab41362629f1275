import MezzoPolicy

/// The input of a case is not what cases of its group have.
struct GoldenFormError: Error, CustomStringConvertible {
  var expected: String
  var found: String

  var description: String { "the case is not of its group's form: expected \(expected), got \(found)" }
}

/// Reading the values of golden cases.
extension ConfigurationValue {
  var asString: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  var asBool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  var asInt: Int? {
    guard case .integer(let value) = self else { return nil }
    return value
  }

  /// Any number; also those that JSON has none for: `"nan"`, `"inf"`, `"-inf"`.
  var asDouble: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .string("nan"): .nan
    case .string("inf"): .infinity
    case .string("-inf"): -.infinity
    default: nil
    }
  }

  var asArray: [ConfigurationValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  var asObject: [String: ConfigurationValue]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  func member(_ key: String) throws(GoldenFormError) -> ConfigurationValue {
    guard let value = self[key] else { throw GoldenFormError(expected: "a member '\(key)'", found: compact) }
    return value
  }

  func string(_ key: String) throws(GoldenFormError) -> String { try read(key, "a string", \.asString) }
  func bool(_ key: String) throws(GoldenFormError) -> Bool { try read(key, "a boolean", \.asBool) }
  func int(_ key: String) throws(GoldenFormError) -> Int { try read(key, "an integer", \.asInt) }
  func double(_ key: String) throws(GoldenFormError) -> Double { try read(key, "a number", \.asDouble) }
  func array(_ key: String) throws(GoldenFormError) -> [ConfigurationValue] { try read(key, "an array", \.asArray) }
  func object(_ key: String) throws(GoldenFormError) -> [String: ConfigurationValue] {
    try read(key, "an object", \.asObject)
  }

  private func read<Value>(
    _ key: String, _ kind: String, _ value: (ConfigurationValue) -> Value?
  ) throws(GoldenFormError) -> Value {
    let member = try member(key)
    guard let value = value(member) else {
      throw GoldenFormError(expected: "\(kind) as '\(key)'", found: member.compact)
    }
    return value
  }
}

/// Writing answers.
extension ConfigurationValue {
  /// A number as golden files have it: exact, or the name of what JSON has no number for.
  static func exactly(_ value: Double) -> ConfigurationValue {
    if value.isNaN { return "nan" }
    if value.isInfinite { return value > 0 ? "inf" : "-inf" }
    return .number(value)
  }

  /// The outcome of a call that returned `value`.
  static func ok(_ value: ConfigurationValue) -> ConfigurationValue { ["ok": value] }

  /// The outcome of a call that threw: the class of the error, and what its message has to name. For stating what Mezzo
  /// does where it differs.
  static func error(_ type: PythonErrorClass, naming facts: [String]) -> ConfigurationValue {
    ["error": ["type": .string(type.rawValue), "names": .array(facts.map { .string($0) })]]
  }

  /// A string, or null.
  static func name(_ value: String?) -> ConfigurationValue { value.map { .string($0) } ?? .null }
}
