import MezzoPolicy

/// A closed, typed, total language over what a signature bound: the condition of a rule, and the arguments of manifests.
///
/// ```
/// unit(A) and row(C) and k % 32 == 0
/// if(row(A), 111, 112)
/// ```
/// It has whole and floating-point numbers, truth values and dtypes; extents, attributes, `threads` and `cpu.avx2` by name;
/// `+ - * // %`, comparisons, `and or not`, `if(c, a, b)`, `min`, `max`, `ceil_div`, `align(x, to)`, and of operands `rank(A)`,
/// `dim(A, i)`, `stride(A, i)`, `ld(A)`, `count(A)`, `row(A)`, `col(A)`, `unit(A)`, `contiguous(A)`, `const(A)`,
/// `aligned(A, bytes)`, `dtype(A)`, `present(A)`; of lists `count(axes)`, `item(axes, i)`. Types are checked when the text is read. What
/// overflows, divides by 0 or asks for an axis that is not there has no value, and a condition without a value declines.
public struct RuleExpression: Sendable, CustomStringConvertible {
  /// Reads back as the same expression, also where the constants of a manifest are not known.
  public let description: String
  let root: Node
  package let type: RuleType

  /// Parses and type-checks the condition `text` against the names that `signature` binds.
  /// - Parameter code: the operation whose attributes may be named; `nil`: none.
  public init(parsing text: String, signature: RuleSignature, code: OperationCode? = nil) throws(RuleSyntaxError) {
    var scanner = RuleScanner(text)
    var parser = RuleExpressionParser(scanner, signature: signature, names: RuleNames(code: code))
    (root, type) = try parser.whole(.truth)
    scanner = parser.scanner
    description = text
  }

  /// Parses all of `text`, an expression of any type.
  package init(
    parsing text: String, signature: RuleSignature, names: RuleNames, wants: RuleType? = nil
  ) throws(RuleSyntaxError) {
    var parser = RuleExpressionParser(RuleScanner(text), signature: signature, names: names)
    (root, type) = try parser.whole(wants)
    description = root.description
  }

  /// Parses an expression that others may follow, and leaves `scanner` behind it.
  package init(
    scanning scanner: inout RuleScanner, signature: RuleSignature, names: RuleNames
  ) throws(RuleSyntaxError) {
    var parser = RuleExpressionParser(scanner, signature: signature, names: names)
    (root, type) = try parser.part()
    scanner = parser.scanner
    description = root.description
  }

  indirect enum Node: Sendable {
    case literal(RuleValue)
    case extent(String)
    case attribute(String)
    case local(String)
    case feature(String)
    case step(String)
    case threads
    case result
    case negate(Node)
    case not(Node)
    case arithmetic(Arithmetic, Node, Node)
    case comparison(Comparison, Node, Node)
    case and(Node, Node)
    case or(Node, Node)
    case choose(Node, Node, Node)
    case property(Property, String, argument: Node?)
    case count(of: Node)
    case item(of: Node, at: Node)
  }

  enum Arithmetic: String, Sendable {
    case add = "+", subtract = "-", multiply = "*", divide = "//", remainder = "%", min, max, ceilDiv = "ceil_div",
      align

    /// The others are of whole numbers alone.
    var takesFloats: Bool {
      switch self {
      case .add, .subtract, .multiply, .min, .max: true
      case .divide, .remainder, .ceilDiv, .align: false
      }
    }
  }

  package enum Comparison: String, Sendable, CaseIterable {
    case equal = "==", notEqual = "!=", lessOrEqual = "<=", greaterOrEqual = ">=", less = "<", greater = ">"
  }

  /// The vector of the epilogue's step of that name, which may be asked for by `present`.
  static let bias = "bias"

  enum Property: String, Sendable, CaseIterable {
    case rank, dim, stride, ld, count, row, col, unit, contiguous, aligned, dtype, present
    case constant = "const"

    var type: RuleType {
      switch self {
      case .rank, .dim, .stride, .ld, .count: .integer
      case .row, .col, .unit, .contiguous, .constant, .aligned, .present: .truth
      case .dtype: .dtype
      }
    }

    var takesArgument: Bool { self == .dim || self == .stride || self == .aligned }
    /// Whether it says where the elements lie.
    var isLayout: Bool {
      switch self {
      case .stride, .ld, .row, .col, .unit, .contiguous: true
      case .rank, .dim, .count, .aligned, .dtype, .constant, .present: false
      }
    }
  }
}

extension RuleExpression {
  /// All names that the expression asks for, by what they are.
  package struct Mentions: Sendable {
    package var extents: Set<String> = []
    package var attributes: Set<String> = []
    package var locals: Set<String> = []
    package var operands: Set<String> = []
    /// Operands of which it asks where their elements lie.
    package var layouts: Set<String> = []
    /// Operands of which it asks how many elements they have, or along an axis.
    package var sizes: Set<String> = []
    /// Steps of the epilogue.
    package var steps: Set<String> = []

    package init() {}

    package mutating func formUnion(_ other: Mentions) {
      extents.formUnion(other.extents)
      attributes.formUnion(other.attributes)
      locals.formUnion(other.locals)
      operands.formUnion(other.operands)
      layouts.formUnion(other.layouts)
      sizes.formUnion(other.sizes)
      steps.formUnion(other.steps)
    }
  }

  package var mentions: Mentions { root.mentions }

  /// The other side, where the whole expression compares `ret` with something that does not ask for `ret`.
  package var comparisonOfResult: (comparison: Comparison, with: RuleExpression)? {
    guard case .comparison(let comparison, .result, let node) = root, !node.asksForResult else { return nil }
    return (comparison, RuleExpression(node, .integer))
  }

  /// Where the expression is a rank, or a `dim` or `stride` that counts from the front, which leading axes would move.
  package var countsLeadingAxes: Bool { root.countsLeadingAxes }

  var asksForAlignment: Bool { root.asksForAlignment }

  private init(_ root: Node, _ type: RuleType) {
    self.root = root
    self.type = type
    description = root.description
  }
}

extension RuleExpression.Node {
  var children: [Self] {
    switch self {
    case .literal, .extent, .attribute, .local, .feature, .step, .threads, .result: []
    case .negate(let operand), .not(let operand), .count(let operand): [operand]
    case .arithmetic(_, let left, let right), .comparison(_, let left, let right), .and(let left, let right),
      .or(let left, let right), .item(let left, let right):
      [left, right]
    case .choose(let condition, let yes, let no): [condition, yes, no]
    case .property(_, _, let argument): argument.map { [$0] } ?? []
    }
  }

  var mentions: RuleExpression.Mentions {
    var mentions = RuleExpression.Mentions()
    collect(&mentions)
    return mentions
  }

  private func collect(_ mentions: inout RuleExpression.Mentions) {
    switch self {
    case .extent(let name): mentions.extents.insert(name)
    case .attribute(let name): mentions.attributes.insert(name)
    case .local(let name): mentions.locals.insert(name)
    case .property(let property, let name, _):
      mentions.operands.insert(name)
      if property == .present, name == RuleExpression.bias { mentions.steps.insert(name) }
      if property.isLayout { mentions.layouts.insert(name) }
      if property == .count || property == .dim { mentions.sizes.insert(name) }
    case .step(let name): mentions.steps.insert(name)
    default: break
    }
    for child in children { child.collect(&mentions) }
  }

  var asksForProcessorAlone: Bool {
    switch self {
    case .feature: true
    case .not, .and, .or: children.allSatisfy(\.asksForProcessorAlone)
    default: false
    }
  }

  fileprivate var asksForResult: Bool {
    if case .result = self { true } else { children.contains(where: \.asksForResult) }
  }

  var asksForAlignment: Bool {
    if case .property(.aligned, _, _) = self { true } else { children.contains(where: \.asksForAlignment) }
  }

  fileprivate var countsLeadingAxes: Bool {
    if case .property(let property, _, let argument) = self {
      if property == .rank { return true }
      if property == .dim || property == .stride, case .literal(.int(let axis))? = argument, axis >= 0 { return true }
    }
    return children.contains(where: \.countsLeadingAxes)
  }
}

extension RuleExpression.Node: CustomStringConvertible {
  var description: String {
    switch self {
    case .literal(let value): "\(value)"
    case .extent(let name), .attribute(let name), .local(let name): name
    case .feature(let name): "cpu.\(name)"
    case .step(let name): "epilogue.\(name)"
    case .threads: "threads"
    case .result: "ret"
    case .negate(let node): "-\(node.text(6))"
    case .not(let node): "not \(node.text(3))"
    case .arithmetic(let operation, let left, let right):
      switch operation {
      case .min, .max, .ceilDiv, .align: "\(operation.rawValue)(\(left), \(right))"
      default: "\(left.text(precedence)) \(operation.rawValue) \(right.text(precedence + 1))"
      }
    case .comparison(let comparison, let left, let right): "\(left.text(5)) \(comparison.rawValue) \(right.text(5))"
    case .and(let left, let right): "\(left.text(2)) and \(right.text(3))"
    case .or(let left, let right): "\(left.text(1)) or \(right.text(2))"
    case .choose(let condition, let yes, let no): "if(\(condition), \(yes), \(no))"
    case .property(let property, let operand, let argument):
      if let argument { "\(property.rawValue)(\(operand), \(argument))" } else { "\(property.rawValue)(\(operand))" }
    case .count(let list): "count(\(list))"
    case .item(let list, let index): "item(\(list), \(index))"
    }
  }

  /// How tightly it binds: `or`, `and`, `not`, comparison, sum, product, sign, all else.
  private var precedence: Int {
    switch self {
    case .or: 1
    case .and: 2
    case .not: 3
    case .comparison: 4
    case .arithmetic(let operation, _, _):
      switch operation {
      case .add, .subtract: 5
      case .multiply, .divide, .remainder: 6
      case .min, .max, .ceilDiv, .align: 8
      }
    case .negate, .literal(.int(..<0)), .literal(.float(..<0)): 7
    default: 8
    }
  }

  /// In brackets where it would bind too loosely in a place of that precedence.
  private func text(_ place: Int) -> String { precedence < place ? "(\(self))" : description }
}
