/// The condition of a rule: a closed, typed, total language over the extents and layouts that a signature bound.
///
/// ```
/// unit(A) and row(C) and k % 32 == 0
/// ```
/// It has integers, truth values and operands; `+ - * // %`, comparisons, `and or not`, `if(c, a, b)`, `min`, `max`,
/// `ceil_div`, `align(x, to)`, and of operands `rank(A)`, `dim(A, i)`, `stride(A, i)`, `ld(A)`, `row(A)`, `col(A)`, `unit(A)`,
/// `contiguous(A)`, `const(A)`. Types are checked when the text is read. What overflows, divides by 0 or asks for an axis that
/// is not there has no value, and a condition without a value declines.
public struct RuleExpression: Sendable, CustomStringConvertible {
  public let description: String
  let root: Node

  /// Parses and type-checks `text` against the names that `signature` binds.
  public init(parsing text: String, signature: RuleSignature) throws(RuleSyntaxError) {
    var parser = RuleExpressionParser(text: text, signature: signature)
    root = try parser.condition()
    description = text
  }

  enum ValueType: String, Sendable {
    case integer = "a number"
    case truth = "a truth value"
    case operand = "an operand"
  }

  indirect enum Node: Sendable {
    case literal(Int)
    case extent(String)
    case threads
    case truth(Bool)
    case negate(Node)
    case not(Node)
    case arithmetic(Arithmetic, Node, Node)
    case comparison(Comparison, Node, Node)
    case and(Node, Node)
    case or(Node, Node)
    case choose(Node, Node, Node)
    case property(Property, String, axis: Node?)
  }

  enum Arithmetic: String, Sendable {
    case add = "+", subtract = "-", multiply = "*", divide = "//", remainder = "%", min, max, ceilDiv = "ceil_div",
      align
  }

  enum Comparison: String, Sendable {
    case equal = "==", notEqual = "!=", lessOrEqual = "<=", greaterOrEqual = ">=", less = "<", greater = ">"
  }

  enum Property: String, Sendable, CaseIterable {
    case rank, dim, stride, ld, row, col, unit, contiguous
    case constant = "const"

    var type: ValueType {
      switch self {
      case .rank, .dim, .stride, .ld: .integer
      case .row, .col, .unit, .contiguous, .constant: .truth
      }
    }

    var takesAxis: Bool { self == .dim || self == .stride }
  }
}

extension RuleExpression.Node: CustomStringConvertible {
  var description: String {
    switch self {
    case .literal(let value): "\(value)"
    case .extent(let name): name
    case .threads: "threads"
    case .truth(let value): "\(value)"
    case .negate(let node): "-\(node)"
    case .not(let node): "not \(node)"
    case .arithmetic(let operation, let left, let right):
      switch operation {
      case .min, .max, .ceilDiv, .align: "\(operation.rawValue)(\(left), \(right))"
      default: "(\(left) \(operation.rawValue) \(right))"
      }
    case .comparison(let comparison, let left, let right): "\(left) \(comparison.rawValue) \(right)"
    case .and(let left, let right): "(\(left) and \(right))"
    case .or(let left, let right): "(\(left) or \(right))"
    case .choose(let condition, let yes, let no): "if(\(condition), \(yes), \(no))"
    case .property(let property, let operand, let axis):
      if let axis { "\(property.rawValue)(\(operand), \(axis))" } else { "\(property.rawValue)(\(operand))" }
    }
  }
}
