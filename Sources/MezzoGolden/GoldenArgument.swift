import MezzoPolicy

/// An argument that is not plain JSON: `{"kind": "str", "value": "float16"}`.
enum GoldenArgument {
  /// What Swift has for it where a layer takes its dtype.
  case identifier(PolicyIdentifier)
  /// A type of Python's own.
  case python

  /// - Throws: ``GoldenFormError``, or ``PolicyError`` if the policy that is given cannot be made.
  init(_ value: ConfigurationValue, dialect: PolicyDialect) throws {
    let argument = value["value"] ?? .null
    switch try value.string("kind") {
    case "none": self = .identifier(.none)
    case "str": self = .identifier(.name(try value.string("value")))
    case "policy": self = .identifier(.policy(try DTypePolicy(try value.string("value"), dialect: dialect)))
    case "dtype": self = .identifier(.dtype(try DType(golden: try value.string("value"))))
    case "dict": self = .identifier(.configuration(value["value"] ?? [:]))
    // What a file may have where a policy should be.
    case "int", "float", "bool": self = .identifier(.configuration(argument))
    case "list": self = .identifier(.configuration(value["value"] ?? .array([])))
    default: self = .python
    }
  }
}
