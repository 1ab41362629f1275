package import MezzoPolicy

/// What an expression of the rule language can be.
package enum RuleValue: Hashable, Sendable, CustomStringConvertible {
  case int(Int)
  case float(Double)
  case truth(Bool)
  case dtype(DType)
  case ints([Int])

  package var type: RuleType {
    switch self {
    case .int: .integer
    case .float: .float
    case .truth: .truth
    case .dtype: .dtype
    case .ints: .list
    }
  }

  /// As the language spells it.
  package var description: String {
    switch self {
    case .int(let value): "\(value)"
    case .float(let value): "\(value)"
    case .truth(let value): "\(value)"
    case .dtype(let value): value.shortName ?? value.name
    case .ints(let values): "\(values)"
    }
  }

  init(_ value: AttributeValue) {
    switch value {
    case .int(let value): self = .int(value)
    case .float(let value): self = .float(value)
    case .ints(let values): self = .ints(values)
    }
  }
}

package enum RuleType: String, Sendable {
  case integer = "a number"
  case float = "a floating-point number"
  case truth = "a truth value"
  case dtype = "a dtype"
  case list = "a list of numbers"

  var isNumber: Bool { self == .integer || self == .float }
}

/// What an expression may name besides the extents and operands of its signature.
package struct RuleNames: Sendable {
  /// Whose attributes are known; `nil`: none are.
  package var code: OperationCode?
  /// Folded when the text is read.
  package var constants: [String: RuleValue] = [:]
  /// Filled in while an operation is prepared.
  package var locals: [String: RuleType] = [:]
  /// The type of `ret`, the result of a call.
  package var result: RuleType?
  /// Steps whose presence may be asked for.
  package var epilogue: [String] = []

  package init(code: OperationCode? = nil) { self.code = code }
}
