import MezzoPolicy

/// Recursive descent over the rule language, with a limit on depth and size so that no text exhausts the stack.
struct RuleExpressionParser {
  private typealias Node = RuleExpression.Node

  private static let depthLimit = 32
  private static let nodeLimit = 256

  private(set) var scanner: RuleScanner
  private let names: RuleNames
  private let extents: Set<String>
  private let operands: Set<String>
  private let attributes: [String: RuleType]
  private var depth = 0
  private var nodes = 0

  init(_ scanner: RuleScanner, signature: RuleSignature, names: RuleNames) {
    self.scanner = scanner
    self.names = names
    operands = Set(signature.names)
    extents = signature.extents
    var attributes: [String: RuleType] = [:]
    for attribute in names.code?.attributes ?? [] {
      switch attribute.kind {
      case .int: attributes[attribute.name] = .integer
      case .float: attributes[attribute.name] = .float
      case .ints: attributes[attribute.name] = .list
      }
    }
    self.attributes = attributes
  }

  /// The whole text, of type `wants` if that is given.
  mutating func whole(_ wants: RuleType?) throws(RuleSyntaxError) -> (RuleExpression.Node, RuleType) {
    let (node, type) = try disjunction()
    if !scanner.isAtEnd() { throw scanner.unexpected("expected an operator or the end") }
    if let wants { try require(type, wants) }
    return (node, type)
  }

  mutating func part() throws(RuleSyntaxError) -> (RuleExpression.Node, RuleType) { try disjunction() }

  private mutating func disjunction() throws(RuleSyntaxError) -> (Node, RuleType) {
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

  private mutating func conjunction() throws(RuleSyntaxError) -> (Node, RuleType) {
    var left = try inversion()
    while scanner.take("and") {
      let right = try inversion()
      try require(left.1, .truth)
      try require(right.1, .truth)
      left = (try counted(.and(left.0, right.0)), .truth)
    }
    return left
  }

  private mutating func inversion() throws(RuleSyntaxError) -> (Node, RuleType) {
    guard scanner.take("not") else { return try comparison() }
    try nest()
    defer { depth -= 1 }
    let operand = try inversion()
    try require(operand.1, .truth)
    return (try counted(.not(operand.0)), .truth)
  }

  private mutating func comparison() throws(RuleSyntaxError) -> (Node, RuleType) {
    let left = try sum()
    for comparison in RuleExpression.Comparison.allCases where scanner.take(comparison.rawValue) {
      let right = try sum()
      if left.1 == .dtype, comparison == .equal || comparison == .notEqual {
        try require(right.1, .dtype)
      } else {
        try requireNumber(left.1)
        try requireNumber(right.1)
      }
      return (try counted(.comparison(comparison, left.0, right.0)), .truth)
    }
    return left
  }

  private mutating func sum() throws(RuleSyntaxError) -> (Node, RuleType) {
    var left = try product()
    while true {
      let operation: RuleExpression.Arithmetic
      if scanner.take("+") { operation = .add } else if scanner.take("-") { operation = .subtract } else { return left }
      left = try combined(operation, left, try product())
    }
  }

  private mutating func product() throws(RuleSyntaxError) -> (Node, RuleType) {
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
    _ operation: RuleExpression.Arithmetic, _ left: (Node, RuleType), _ right: (Node, RuleType)
  ) throws(RuleSyntaxError) -> (Node, RuleType) {
    try requireNumber(left.1)
    try requireNumber(right.1)
    let hasFloat = left.1 == .float || right.1 == .float
    if hasFloat && !operation.takesFloats {
      throw scanner.unexpected("\(operation.rawValue) takes whole numbers; expected them before this")
    }
    return (try counted(.arithmetic(operation, left.0, right.0)), hasFloat ? .float : .integer)
  }

  private mutating func factor() throws(RuleSyntaxError) -> (Node, RuleType) {
    try nest()
    defer { depth -= 1 }
    if scanner.take("-") {
      let operand = try factor()
      try requireNumber(operand.1)
      return (try counted(.negate(operand.0)), operand.1)
    }
    if scanner.take("(") {
      let inner = try disjunction()
      try scanner.expect(")")
      return inner
    }
    let position = scanner.nextPosition()
    if scanner.peekDigit() {
      let value = try scanner.number()
      return (try counted(.literal(value)), value.type)
    }
    return try named(try scanner.identifier("a number, a name or ("), at: position)
  }

  private mutating func named(_ name: String, at position: Int) throws(RuleSyntaxError) -> (Node, RuleType) {
    switch name {
    case "true", "false": return (try counted(.literal(.truth(name == "true"))), .truth)
    case "inf", "nan": return (try counted(.literal(.float(name == "inf" ? .infinity : .nan))), .float)
    case "threads": return (try counted(.threads), .integer)
    case "if": return try choice()
    case "cpu" where scanner.take("."):
      return (try counted(.feature(try scanner.word("a processor's feature, as in cpu.avx2"))), .truth)
    case "epilogue" where scanner.take("."):
      let place = scanner.nextPosition()
      let step = try scanner.identifier("a step of the epilogue")
      guard names.epilogue.contains(step) else {
        throw scanner.error("the binding takes no step \(step); it takes \(names.epilogue)", at: place)
      }
      return (try counted(.step(step)), .truth)
    case "ret":
      guard let type = names.result else { break }
      return (try counted(.result), type)
    default: break
    }
    if scanner.peek("(") {
      if name == "item" || name == "count" && isListNext() { return try list(name) }
      if let property = RuleExpression.Property(rawValue: name) { return try self.property(property) }
      if let function = RuleExpression.Arithmetic(rawValue: name) {
        try scanner.expect("(")
        let left = try disjunction()
        try scanner.expect(",")
        let right = try disjunction()
        try scanner.expect(")")
        return try combined(function, left, right)
      }
    }
    if extents.contains(name) { return (try counted(.extent(name)), .integer) }
    if let type = attributes[name] { return (try counted(.attribute(name)), type) }
    if let type = names.locals[name] { return (try counted(.local(name)), type) }
    if let value = names.constants[name] { return (try counted(.literal(value)), value.type) }
    if operands.contains(name) {
      throw scanner.error("\(name) is an operand: ask for dim(\(name), 0), say", at: position)
    }
    if let dtype = DType(shortName: name) { return (try counted(.literal(.dtype(dtype))), .dtype) }
    throw scanner.error("\(name) is not known; \(knownNames)", at: position)
  }

  /// `count` is of operands and of lists.
  private func isListNext() -> Bool {
    var ahead = scanner
    guard ahead.take("("), let name = try? ahead.identifier("a list") else { return false }
    return attributes[name] == .list
  }

  private var knownNames: String {
    var known = "there are the extents \(extents.sorted()) and the operands \(operands.sorted())"
    for (what, names) in [
      ("attributes", Array(attributes.keys)), ("constants", Array(names.constants.keys)),
      ("locals", Array(names.locals.keys)),
    ] where !names.isEmpty {
      known += ", the \(what) \(names.sorted())"
    }
    return known
  }

  private mutating func choice() throws(RuleSyntaxError) -> (Node, RuleType) {
    try scanner.expect("(")
    let condition = try disjunction()
    try require(condition.1, .truth)
    try scanner.expect(",")
    let yes = try disjunction()
    try scanner.expect(",")
    let no = try disjunction()
    let mixesNumbers = yes.1.isNumber && no.1.isNumber
    if !mixesNumbers { try require(no.1, yes.1) }
    try scanner.expect(")")
    return (try counted(.choose(condition.0, yes.0, no.0)), mixesNumbers && yes.1 != no.1 ? .float : yes.1)
  }

  private mutating func list(_ function: String) throws(RuleSyntaxError) -> (Node, RuleType) {
    try scanner.expect("(")
    let list = try disjunction()
    try require(list.1, .list)
    if function == "count" {
      try scanner.expect(")")
      return (try counted(.count(of: list.0)), .integer)
    }
    try scanner.expect(",")
    let index = try disjunction()
    try require(index.1, .integer)
    try scanner.expect(")")
    return (try counted(.item(of: list.0, at: index.0)), .integer)
  }

  private mutating func property(_ property: RuleExpression.Property) throws(RuleSyntaxError) -> (Node, RuleType) {
    try scanner.expect("(")
    let position = scanner.nextPosition()
    let operand = try scanner.identifier("an operand")
    let isBias =
      property == .present && operand == RuleExpression.bias && names.epilogue.contains(RuleExpression.bias)
    guard operands.contains(operand) || isBias else {
      throw scanner.error("\(operand) is no operand; there are \(operands.sorted())", at: position)
    }
    var argument: Node?
    if property.takesArgument {
      try scanner.expect(",")
      let (node, type) = try disjunction()
      try require(type, .integer)
      argument = node
    }
    try scanner.expect(")")
    return (try counted(.property(property, operand, argument: argument)), property.type)
  }

  private func require(_ type: RuleType, _ wanted: RuleType) throws(RuleSyntaxError) {
    if type != wanted { throw scanner.unexpected("expected \(wanted.rawValue), not \(type.rawValue), before this") }
  }

  private func requireNumber(_ type: RuleType) throws(RuleSyntaxError) {
    if !type.isNumber { try require(type, .integer) }
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
