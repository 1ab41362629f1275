/// A value of a configuration file: what JSON can say.
///
/// Configurations of other systems are read as this first, so that whatever a file holds becomes a policy or a typed
/// error. Integers keep all their bits; any other number is a `Double`.
public enum ConfigurationValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case integer(Int)
  case number(Double)
  case string(String)
  case array([ConfigurationValue])
  case object([String: ConfigurationValue])

  /// The member of that name, if this is an object that has it.
  public subscript(key: String) -> ConfigurationValue? {
    guard case .object(let members) = self else { return nil }
    return members[key]
  }

  /// What kind of value this is, as error messages name it.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .integer, .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  /// The value as error messages show it: what has parts by its kind, the rest as it is.
  public var summary: String {
    switch self {
    case .null, .array, .object: kind
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value)\""
    }
  }

  /// The beginning of the value with its parts, which error messages quote where the form as a whole is wrong.
  var excerpt: String {
    let text = written
    return text.count > Self.excerptLength ? text.prefix(Self.excerptLength) + "…" : text
  }

  private static let excerptLength = 200

  private var written: String {
    switch self {
    case .array(let elements): "[\(elements.map(\.written).joined(separator: ", "))]"
    case .object(let members):
      "{\(members.sorted { $0.key < $1.key }.map { "\"\($0)\": \($1.written)" }.joined(separator: ", "))}"
    case .null, .bool, .integer, .number, .string: summary
    }
  }
}

extension ConfigurationValue: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    // Texts first, as most are: each try that fails makes an error.
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(String.self) {
      self = .string(value)
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int.self) {
      // A negative zero, which is a number of its own, reads as the integer 0.
      let isNegativeZero = try value == 0 && container.decode(Double.self).sign == .minus
      self = isNegativeZero ? .number(-0.0) : .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode([ConfigurationValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: ConfigurationValue].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .string(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }
}

extension ConfigurationValue: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(nilLiteral: ()) { self = .null }
  public init(dictionaryLiteral elements: (String, ConfigurationValue)...) {
    self = .object(Dictionary(elements) { _, last in last })
  }
}
