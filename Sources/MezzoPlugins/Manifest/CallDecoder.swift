import MezzoBackend
import MezzoPolicy

/// Reads one call of a C function: its symbol, its arguments and what its result means.
struct CallDecoder {
  /// What the call may name.
  struct Scope {
    var constants: Constants
    var linking: ManifestDecoder.Linking
    var signature = RuleSignature.empty
    var names = RuleNames()
    /// The operands and behind them the results, as the signature names them.
    var tensors: [String] = []
    var inputCount = 0
    var locals: [Binding.Local] = []
    var phase = Phase.start
    var packed: Int?
    var hasWorkspace = false
    var hasBias = false
    var isLooped = false
  }

  /// When the call is made, which decides what there is to pass.
  enum Phase: String {
    case start, prepare, pack, run, finish
  }

  static let keys = ["symbol", "args", "returns", "status", "unsupported", "into", "when"]
  private static let argumentLimit = 32
  private static let arrayLimit = 32

  let scope: Scope

  func call(_ table: TOMLTable) throws(TOMLError) -> Call {
    let what = "a call of \(scope.phase.rawValue)"
    return try call(try ManifestFields(table, what, known: Self.keys))
  }

  func call(_ fields: ManifestFields) throws(TOMLError) -> Call {
    let (symbol, position) = try fields.required("symbol", "the C function to call")
    guard ManifestFields.isName(symbol.text), !("0"..."9").contains(symbol.text.first ?? "0") else {
      throw TOMLError(position: position, message: "expected the name of a C function, found '\(symbol.text)'")
    }
    guard let (elements, place) = try fields.list("args") else {
      throw fields.missing("args", "a list of [C type, expression], in the order of the C function; [] for none")
    }
    guard elements.count <= Self.argumentLimit else {
      throw TOMLError(
        position: place, message: "expected at most \(Self.argumentLimit) arguments, found \(elements.count)")
    }
    var arguments: [Argument] = []
    for element in elements { arguments.append(try argument(element)) }
    var call = Call(symbol: symbol.text, arguments: arguments)
    call.returns = try returns(fields)
    call.status = try check("status", fields, call.returns)
    call.unsupported = try check("unsupported", fields, call.returns)
    call.into = try destination(fields, call.returns)
    if let (text, _) = try fields.text("when") {
      guard scope.phase != .run && scope.phase != .start else {
        throw TOMLError(
          position: fields.table["when"]?.keyPosition ?? fields.table.position,
          message: "expected when in a call of prepare, pack or finish; a condition of a run belongs to the binding")
      }
      call.condition = try expression(text, wants: .truth)
    }
    return call
  }

  // MARK: Results

  private func returns(_ fields: ManifestFields) throws(TOMLError) -> CType? {
    guard let (text, position) = try fields.text("returns"), text.text != "void" else { return nil }
    let type: CType = try ManifestFields.word(text.text, "returns", at: position)
    guard type != .cstr else {
      throw TOMLError(position: position, message: "expected void, ptr or a number's type for returns, found 'cstr'")
    }
    try requireKnown(type, at: position)
    return type
  }

  private func check(_ key: String, _ fields: ManifestFields, _ returns: CType?) throws(TOMLError) -> Call.Check? {
    guard let (text, position) = try fields.text(key) else { return nil }
    guard let returns, returns.isInteger || returns == .ptr else {
      throw TOMLError(
        position: position,
        message: "expected a function that returns a whole number or ptr, since \(key) compares it, found returns = "
          + "\"\(returns?.rawValue ?? "void")\"")
    }
    var names = scope.names
    names.result = .integer
    let condition = try expression(text, wants: .truth, names: names)
    guard let (comparison, other) = condition.comparisonOfResult else {
      throw TOMLError(
        position: position, message: "expected a comparison of ret, as ret == 0, for \(key), found '\(text.text)'")
    }
    return Call.Check(comparison: comparison, with: other, text: text.text)
  }

  private func destination(_ fields: ManifestFields, _ returns: CType?) throws(TOMLError) -> Call.Destination? {
    guard let (text, position) = try fields.text("into") else { return nil }
    let name = text.text
    guard let returns else {
      throw TOMLError(position: position, message: "expected a function that returns something to go into \(name)")
    }
    if scope.phase == .run, let place = scope.tensors.firstIndex(of: name), place >= scope.inputCount {
      guard let dtype = scope.signature.dtype(of: name), Self.holds(dtype, returns) else {
        throw TOMLError(
          position: position, message: "expected a result with the dtype of \(returns.rawValue) for into, found \(name)"
        )
      }
      return .result(place - scope.inputCount)
    }
    guard scope.phase == .prepare, let local = scope.locals.firstIndex(where: { $0.name == name }) else {
      throw TOMLError(
        position: position,
        message: scope.phase == .run
          ? "expected a result of the operation for into, found '\(name)'"
          : "expected a local that the binding declares, in a call of prepare, for into, found '\(name)'")
    }
    guard scope.locals[local].type == returns else {
      throw TOMLError(
        position: position,
        message: "expected a local of type \(returns.rawValue), found \(name) of \(scope.locals[local].type.rawValue)")
    }
    return .local(local)
  }

  private static func holds(_ dtype: DType, _ type: CType) -> Bool {
    switch type {
    case .i8: dtype == .int8
    case .i16: dtype == .int16
    case .i32: dtype == .int32
    case .i64: dtype == .int64
    case .u8: dtype == .uint8 || dtype == .bool
    case .u16: dtype == .uint16
    case .u32: dtype == .uint32
    case .u64: dtype == .uint64
    case .f16: dtype == .float16
    case .f32: dtype == .float32
    case .f64: dtype == .float64
    case .ptr, .size, .blasint, .cstr: false
    }
  }

  // MARK: Arguments

  private func argument(_ value: TOMLValue) throws(TOMLError) -> Argument {
    guard case .array(let pair) = value.content, pair.count == 2, case .string(let type) = pair[0].content else {
      throw TOMLError(
        position: value.position, message: "expected a pair [\"C type\", \"expression\"], found \(value.kind)")
    }
    let kind: CType = try ManifestFields.word(type.text, "an argument's type", at: pair[0].position)
    try requireKnown(kind, at: pair[0].position)
    switch pair[1].content {
    case .string(let text): return Argument(type: kind, source: try source(kind, text), text: text.text)
    case .integer(let number): return try literal(.int(number), kind, at: pair[1].position)
    case .float(let number): return try literal(.float(number), kind, at: pair[1].position)
    default:
      throw TOMLError(
        position: pair[1].position, message: "expected an expression or a number, found \(pair[1].kind)")
    }
  }

  private func literal(_ value: RuleValue, _ type: CType, at position: Int) throws(TOMLError) -> Argument {
    var slot: UInt64 = 0
    let resolved = type.resolved(blasint: .i64)
    guard
      withUnsafeMutableBytes(of: &slot, { bytes in bytes.baseAddress.map { resolved.store(value, in: $0) } }) == true
    else {
      throw TOMLError(position: position, message: "expected a value that \(type.rawValue) holds, found \(value)")
    }
    let expression = try ruleError(at: position) { () throws(RuleSyntaxError) in
      try RuleExpression(parsing: "\(value)", signature: scope.signature, names: scope.names)
    }
    return Argument(type: type, source: .expression(expression), text: "\(value)")
  }

  private func requireKnown(_ type: CType, at position: Int) throws(TOMLError) {
    guard type == .blasint, scope.linking.blasint == nil else { return }
    throw TOMLError(
      position: position,
      message: "expected [library] to say how wide a blasint is: probe = { blasint = \"isamax\" }, or blasint = \"i32\""
    )
  }

  private func source(_ type: CType, _ text: TOMLString) throws(TOMLError) -> Argument.Source {
    switch type {
    case .ptr: return try address(text)
    case .cstr:
      if text.text == "null" { return .null }
      guard let string = scope.constants.strings[text.text] else {
        throw TOMLError(
          position: text.position(0),
          message: "expected the name of a string in [const], found '\(text.text)'; there are "
            + "\(scope.constants.strings.keys.sorted())")
      }
      return .string(string)
    default:
      let expression = try expression(text, wants: nil)
      let fits = type.isInteger ? expression.type == .integer : expression.type == .integer || expression.type == .float
      guard fits else {
        throw TOMLError(
          position: text.position(0),
          message: "expected \(type.isInteger ? "a whole number" : "a number") for \(type.rawValue), found "
            + "\(expression.type.rawValue)")
      }
      return .expression(expression)
    }
  }

  private func address(_ text: TOMLString) throws(TOMLError) -> Argument.Source {
    var scanner = RuleScanner(text.text)
    let source = try ruleError(text) { () throws(RuleSyntaxError) in try address(&scanner) }
    if !scanner.isAtEnd() {
      throw failure(text, scanner.unexpected("expected the end of the address"))
    }
    return source
  }

  private func address(_ scanner: inout RuleScanner) throws(RuleSyntaxError) -> Argument.Source {
    let position = scanner.nextPosition()
    if scanner.take("&") {
      let name = try scanner.identifier("a local")
      guard scope.phase == .prepare else {
        throw scanner.error("expected &\(name) in a call of prepare alone: runs share the locals", at: position)
      }
      guard let local = scope.locals.firstIndex(where: { $0.name == name }) else {
        throw scanner.error(
          "expected a local, found '\(name)'; declare it: locals = { \(name) = \"ptr\" }", at: position)
      }
      return .localAddress(local)
    }
    let name = try scanner.identifier("an operand, workspace, packed(…), array(…), a local or null")
    switch name {
    case "null": return .null
    case "workspace":
      guard scope.phase == .run, scope.hasWorkspace else {
        throw scanner.error("expected workspace = \"bytes\" in the binding, and its use at a run", at: position)
      }
      return .workspace
    case "packed" where scanner.peek("("): return try packed(&scanner)
    case "array" where scanner.peek("("): return try array(&scanner)
    case "bias" where scope.hasBias && scope.phase == .run: return .bias
    default: break
    }
    if let local = scope.locals.firstIndex(where: { $0.name == name }) {
      guard scope.locals[local].type == .ptr else {
        throw scanner.error("expected a local of type ptr, found \(name)", at: position)
      }
      return .local(local)
    }
    guard let tensor = scope.tensors.firstIndex(of: name) else {
      throw scanner.error(
        "expected an address, found '\(name)'; there are the operands \(scope.tensors) and the locals "
          + "\(scope.locals.map(\.name))", at: position)
    }
    switch scope.phase {
    case .run where scope.packed == tensor:
      throw scanner.error("\(name) is packed: expected packed(\(name))", at: position)
    case .run: return .tensor(tensor)
    case .pack where scope.packed == tensor: return .tensor(tensor)
    case .start, .prepare, .pack, .finish:
      throw scanner.error("\(name) has no address in a call of \(scope.phase.rawValue)", at: position)
    }
  }

  private func packed(_ scanner: inout RuleScanner) throws(RuleSyntaxError) -> Argument.Source {
    try scanner.expect("(")
    let position = scanner.nextPosition()
    let name = try scanner.identifier("an operand")
    guard let packed = scope.packed, scope.tensors[packed] == name else {
      throw scanner.error("expected packed = { operand = \"\(name)\", bytes = … } in the binding", at: position)
    }
    guard scope.phase == .pack || scope.phase == .run else {
      throw scanner.error("packed(\(name)) has no address in a call of \(scope.phase.rawValue)", at: position)
    }
    try scanner.expect(")")
    return .packed
  }

  /// `array(i64, dims(A))`, `array(i64, strides(A))` or `array(i64, m, n, 1)`.
  private func array(_ scanner: inout RuleScanner) throws(RuleSyntaxError) -> Argument.Source {
    try scanner.expect("(")
    let position = scanner.nextPosition()
    let word = try scanner.identifier("a C type")
    guard let type = CType(rawValue: word), type.ruleType != nil, type != .blasint || scope.linking.blasint != nil
    else {
      throw scanner.error("expected the type of an array's numbers, found '\(word)'", at: position)
    }
    try scanner.expect(",")
    for (function, isExtents) in [("dims", true), ("strides", false)] where scanner.peek(function) {
      _ = scanner.take(function)
      try scanner.expect("(")
      let position = scanner.nextPosition()
      let name = try scanner.identifier("an operand")
      guard let tensor = scope.tensors.firstIndex(of: name) else {
        throw scanner.error("expected an operand, found '\(name)'; there are \(scope.tensors)", at: position)
      }
      guard type.isInteger else {
        throw scanner.error("expected a type of whole numbers for \(function)(\(name))", at: position)
      }
      try scanner.expect(")")
      try scanner.expect(")")
      return isExtents ? .extents(type, of: tensor) : .strides(type, of: tensor)
    }
    var elements: [RuleExpression] = []
    repeat {
      let position = scanner.nextPosition()
      let element = try RuleExpression(scanning: &scanner, signature: scope.signature, names: scope.names)
      guard element.type == .integer || element.type == .float && type.isFloat else {
        throw scanner.error("expected numbers for \(type.rawValue), found \(element.type.rawValue)", at: position)
      }
      try requireNoLeadingAxes(element, scanner, position)
      elements.append(element)
      guard elements.count <= Self.arrayLimit else {
        throw scanner.error("expected at most \(Self.arrayLimit) elements of an array", at: position)
      }
    } while scanner.take(",")
    try scanner.expect(")")
    return .array(type, elements)
  }

  // MARK: Expressions

  func expression(
    _ text: TOMLString, wants type: RuleType?, names: RuleNames? = nil
  ) throws(TOMLError) -> RuleExpression {
    try ruleError(text) { () throws(RuleSyntaxError) in
      let expression = try RuleExpression(
        parsing: text.text, signature: scope.signature, names: names ?? scope.names, wants: type)
      try requireNoLeadingAxes(expression, RuleScanner(text.text), 0)
      return expression
    }
  }

  private func requireNoLeadingAxes(
    _ expression: RuleExpression, _ scanner: RuleScanner, _ position: Int
  ) throws(RuleSyntaxError) {
    guard scope.isLooped, expression.countsLeadingAxes else { return }
    throw scanner.error(
      "a looped binding has leading axes: expected axes that count from the end, as dim(A, -2), and no rank",
      at: position)
  }

  private func failure(_ text: TOMLString, _ error: RuleSyntaxError) -> TOMLError {
    TOMLError(position: text.position(error.position), message: error.message)
  }

  /// An error in the text of a string points into the string.
  func ruleError<R>(_ text: TOMLString, _ body: () throws(RuleSyntaxError) -> R) throws(TOMLError) -> R {
    do throws(RuleSyntaxError) {
      return try body()
    } catch {
      throw TOMLError(position: text.position(error.position), message: error.message)
    }
  }

  private func ruleError<R>(at position: Int, _ body: () throws(RuleSyntaxError) -> R) throws(TOMLError) -> R {
    do throws(RuleSyntaxError) {
      return try body()
    } catch {
      throw TOMLError(position: position, message: error.message)
    }
  }
}
