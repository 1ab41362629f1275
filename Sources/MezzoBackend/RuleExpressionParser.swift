/// Recursive descent over the rule language, with a limit on depth and size so that no text exhausts the stack.
struct RuleExpressionParser {
  private typealias Node = RuleExpression.Node
  private typealias ValueType = RuleExpression.ValueType

  private static let depthLimit = 32
  private static let nodeLimit = 256

  private var scanner: RuleScanner
  private let extents: Set<String>
  private let operands: Set<String>
  private var depth = 0
  private var nodes = 0

  init(text: String, signature: RuleSignature) {
    scanner = RuleScanner(text)
    let parameters = signature.inputs + signature.results
    operands = Set(parameters.map(\.name))
    extents = Set(parameters.flatMap { $0.dimensions?.names ?? [] }.filter { Int($0) == nil })
  }

  mutating func condition() throws(RuleSyntaxError) -> RuleExpression.Node {
    let (node, type) = try disjunction()
    if !scanner.isAtEnd() { throw scanner.unexpected("expected an operator or the end") }
    try require(type, .truth)
    return node
  }

  private mutating func disjunction() throws(RuleSyntaxError) -> (Node, ValueType) {
    try nest()
    defer { depth -= 1 }
    var left = try conjunction()
    while scanner.take("or") {
      let right = try conjunction()
      try require(left.1, .truth)
      try require(right.1, .truth)
      left = (try counted(.or(left.0, right.0)), .truth)
    }
    return left
  }

  private mutating func conjunction() throws(RuleSyntaxError) -> (Node, ValueType) {
    var left = try inversion()
    while scanner.take("and") {
      let right = try inversion()
      try require(left.1, .truth)
      try require(right.1, .truth)
      left = (try counted(.and(left.0, right.0)), .truth)
    }
    return left
  }

  private mutating func inversion() throws(RuleSyntaxError) -> (Node, ValueType) {
    guard scanner.take("not") else { return try comparison() }
    try nest()
    defer { depth -= 1 }
    let operand = try inversion()
    try require(operand.1, .truth)
    return (try counted(.not(operand.0)), .truth)
  }

  private mutating func comparison() throws(RuleSyntaxError) -> (Node, ValueType) {
    let left = try sum()
    for comparison in [
      RuleExpression.Comparison.equal, .notEqual, .lessOrEqual, .greaterOrEqual, .less, .greater,
    ] where scanner.take(comparison.rawValue) {
      let right = try sum()
      try require(left.1, .integer)
      try require(right.1, .integer)
      return (try counted(.comparison(comparison, left.0, right.0)), .truth)
    }
    return left
  }

  private mutating func sum() throws(RuleSyntaxError) -> (Node, ValueType) {
    var left = try product()
    while true {
      let operation: RuleExpression.Arithmetic
      if scanner.take("+") { operation = .add } else if scanner.take("-") { operation = .subtract } else { return left }
      left = try combined(operation, left, try product())
    }
  }

  private mutating func product() throws(RuleSyntaxError) -> (Node, ValueType) {
    var left = try factor()
    while true {
      let operation: RuleExpression.Arithmetic
      if scanner.take("*") {
        operation = .multiply
      } else if scanner.take("//") {
        operation = .divide
      } else if scanner.take("%") {
        operation = .remainder
      } else {
        return left
      }
      left = try combined(operation, left, try factor())
    }
  }

  private mutating func combined(
    _ operation: RuleExpression.Arithmetic, _ left: (Node, ValueType), _ right: (Node, ValueType)
  ) throws(RuleSyntaxError) -> (Node, ValueType) {
    try require(left.1, .integer)
    try require(right.1, .integer)
    return (try counted(.arithmetic(operation, left.0, right.0)), .integer)
  }

  private mutating func factor() throws(RuleSyntaxError) -> (Node, ValueType) {
    try nest()
    defer { depth -= 1 }
    if scanner.take("-") {
      let operand = try factor()
      try require(operand.1, .integer)
      return (try counted(.negate(operand.0)), .integer)
    }
    if scanner.take("(") {
      let inner = try disjunction()
      try scanner.expect(")")
      return inner
    }
    let position = scanner.nextPosition()
    if scanner.peekDigit() {
      let digits = try scanner.word("a number")
      guard let value = Int(digits) else {
        throw scanner.error("\(digits) is no whole number of 64 bits", at: position)
      }
      return (try counted(.literal(value)), .integer)
    }
    return try named(try scanner.identifier("a number, a name or ("), at: position)
  }

  private mutating func named(_ name: String, at position: Int) throws(RuleSyntaxError) -> (Node, ValueType) {
    switch name {
    case "true", "false": return (try counted(.truth(name == "true")), .truth)
    case "threads": return (try counted(.threads), .integer)
    case "if": return try choice()
    default: break
    }
    if let property = RuleExpression.Property(rawValue: name) { return try self.property(property) }
    if let function = RuleExpression.Arithmetic(rawValue: name) {
      try scanner.expect("(")
      let left = try disjunction()
      try scanner.expect(",")
      let right = try disjunction()
      try scanner.expect(")")
      return try combined(function, left, right)
    }
    if extents.contains(name) { return (try counted(.extent(name)), .integer) }
    if operands.contains(name) {
      throw scanner.error("\(name) is an operand: ask for dim(\(name), 0), say", at: position)
    }
    throw scanner.error(
      "\(name) is not known; there are the extents \(extents.sorted()) and the operands \(operands.sorted())",
      at: position)
  }

  private mutating func choice() throws(RuleSyntaxError) -> (Node, ValueType) {
    try scanner.expect("(")
    let condition = try disjunction()
    try require(condition.1, .truth)
    try scanner.expect(",")
    let yes = try disjunction()
    try scanner.expect(",")
    let no = try disjunction()
    try require(no.1, yes.1)
    try scanner.expect(")")
    return (try counted(.choose(condition.0, yes.0, no.0)), yes.1)
  }

  private mutating func property(_ property: RuleExpression.Property) throws(RuleSyntaxError) -> (Node, ValueType) {
    try scanner.expect("(")
    let position = scanner.nextPosition()
    let operand = try scanner.identifier("an operand")
    guard operands.contains(operand) else {
      throw scanner.error("\(operand) is no operand; there are \(operands.sorted())", at: position)
    }
    var axis: Node?
    if property.takesAxis {
      try scanner.expect(",")
      let (node, type) = try disjunction()
      try require(type, .integer)
      axis = node
    }
    try scanner.expect(")")
    return (try counted(.property(property, operand, axis: axis)), property.type)
  }

  private func require(_ type: ValueType, _ wanted: ValueType) throws(RuleSyntaxError) {
    if type != wanted { throw scanner.unexpected("expected \(wanted.rawValue), not \(type.rawValue), before this") }
  }

  private mutating func counted(_ node: Node) throws(RuleSyntaxError) -> Node {
    nodes += 1
    if nodes > Self.nodeLimit { throw scanner.unexpected("a rule has at most \(Self.nodeLimit) parts") }
    return node
  }

  private mutating func nest() throws(RuleSyntaxError) {
    depth += 1
    if depth > Self.depthLimit { throw scanner.unexpected("a rule nests at most \(Self.depthLimit) deep") }
  }
}
