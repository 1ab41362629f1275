/// What a JSON text says, with the members of objects in their order.
///
/// Names are told apart by their bytes: `String` takes composed and decomposed letters for the same, a vocabulary does not.
package enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number without fraction and exponent that fits.
  case integer(Int)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([Member])

  package struct Member: Sendable {
    package var name: String
    package var value: JSONValue
  }

  /// The member of that name of an object; `nil` if there is none, or it is null, or this is no object.
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self,
      let value = members.first(where: { $0.name.utf8.elementsEqual(name.utf8) })?.value
    else { return nil }
    if case .null = value { return nil }
    return value
  }

  package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  package var object: [Member]? { if case .object(let value) = self { value } else { nil } }

  package var number: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// What kind of value this is, as error messages name it.
  package var kind: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string(let value): "\"\(value.prefix(60))\""
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// Why a text is not JSON, or none that is read here.
package struct JSONError: Error, Equatable, CustomStringConvertible {
  package var offset: Int
  package var reason: String

  package var description: String { "at byte \(offset): \(reason)" }
}
