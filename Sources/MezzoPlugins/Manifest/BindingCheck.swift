import MezzoBackend

/// What an operation needs of a binding: all operands passed, every result written, every extent and layout accounted for.
struct BindingCheck {
  private let binding: Binding
  private let fields: ManifestFields
  private let tensors: [String]
  private let inputCount: Int

  init(_ binding: Binding, _ fields: ManifestFields, _ tensors: [String], inputCount: Int) {
    self.binding = binding
    self.fields = fields
    self.tensors = tensors
    self.inputCount = inputCount
  }

  func check() throws(TOMLError) {
    try checkPassed()
    try checkExtents()
    try checkLayouts()
    try checkAttributes()
    try checkEpilogue()
    try checkPacking()
    if binding.locals.contains(where: { $0.type == .ptr }) && binding.finish.isEmpty {
      throw error("locals", "finish calls that free what prepare makes; finish = [] says that nothing has to be freed")
    }
  }

  private func error(_ key: String, _ expected: String) -> TOMLError {
    let entry = fields.table[key] ?? fields.table["run"]
    return TOMLError(position: entry?.value.position ?? fields.table.position, message: "expected \(expected)")
  }

  private var passed: Set<Int> {
    var passed: Set<Int> = []
    for call in binding.run {
      for argument in call.arguments {
        switch argument.source {
        case .tensor(let index): passed.insert(index)
        case .packed: if let packing = binding.packing { passed.insert(packing.operand) }
        default: break
        }
      }
      if case .result(let index)? = call.into { passed.insert(inputCount + index) }
    }
    return passed
  }

  private func checkPassed() throws(TOMLError) {
    for (index, name) in tensors.enumerated() where !passed.contains(index) {
      let operation = "\(binding.rule.code) \(binding.rule.signature)"
      if index < inputCount {
        throw error(
          "args",
          "an argument that passes operand \(name), as [\"ptr\", \"\(name)\"]; \(operation) reads it, found none")
      }
      throw error(
        "args",
        "an argument that passes result \(name), as [\"ptr\", \"\(name)\"], or into = \"\(name)\"; \(operation) writes "
          + "it, found none")
    }
  }

  private func checkExtents() throws(TOMLError) {
    let asked = Self.mentions(binding)
    for extent in binding.rule.signature.extents.sorted() where !asked.extents.contains(extent) {
      // An array of all extents, or a count, says them as well.
      let parameters = (binding.rule.signature.inputs + binding.rule.signature.results).filter { $0.has(extent) }
      if parameters.contains(where: { Self.countsElements(binding, $0.name, tensors) }) { continue }
      throw error("args", "an argument or a condition that asks for the extent \(extent), found none")
    }
  }

  /// Whether something says how many elements the operand has, whatever its extents are called.
  private static func countsElements(_ binding: Binding, _ name: String, _ tensors: [String]) -> Bool {
    let isListed = binding.calls.contains { call in
      call.arguments.contains { argument in
        if case .extents(_, let index) = argument.source { tensors[index] == name } else { false }
      }
    }
    return isListed || expressions(binding).contains { $0.mentions.sizes.contains(name) }
  }

  private func checkLayouts() throws(TOMLError) {
    let asked = Self.mentions(binding)
    for name in tensors where !asked.layouts.contains(name) && binding.rule.signature.rank(of: name) != 0 {
      let isListed = binding.calls.contains { call in
        call.arguments.contains { argument in
          if case .strides(_, let index) = argument.source { tensors[index] == name } else { false }
        }
      }
      if isListed { continue }
      throw error(
        fields.table["when"] == nil ? "args" : "when",
        "something that says how \(name) lies in memory: contiguous(\(name)) in when, or ld(\(name)) or "
          + "stride(\(name), -1) in an argument; found nothing")
    }
  }

  private func checkAttributes() throws(TOMLError) {
    let asked = Self.mentions(binding).attributes
    for attribute in binding.rule.code.attributes where attribute.default == nil && !asked.contains(attribute.name) {
      throw error(
        fields.table["when"] == nil ? "args" : "when",
        "an argument or a condition that asks for the attribute \(attribute.name) of \(binding.rule.code), found none")
    }
  }

  private func checkEpilogue() throws(TOMLError) {
    guard !binding.epilogue.isEmpty else { return }
    let passesBias = binding.run.contains { call in
      call.arguments.contains { if case .bias = $0.source { true } else { false } }
    }
    if binding.epilogue.contains("bias") && !passesBias {
      throw error("epilogue", "an argument [\"ptr\", \"bias\"], since epilogue names bias, found none")
    }
    let asked = Self.expressions(binding).reduce(into: Set<String>()) { $0.formUnion($1.mentions.steps) }
    for step in binding.epilogue where step != "bias" && !asked.contains(step) {
      throw error(
        "epilogue", "an expression that asks for epilogue.\(step), since epilogue names it, found none")
    }
  }

  private func checkPacking() throws(TOMLError) {
    if binding.packing == nil && !binding.pack.isEmpty {
      throw error("pack", "packed = { operand = \"B\", bytes = \"…\" }, since the binding has calls of pack")
    }
    guard binding.packing != nil else { return }
    let writes = binding.pack.contains { call in
      call.arguments.contains { if case .packed = $0.source { true } else { false } }
    }
    if !writes { throw error("packed", "a call of pack that writes the packed form, found none") }
  }

  static func mentions(_ binding: Binding) -> RuleExpression.Mentions {
    expressions(binding).reduce(into: RuleExpression.Mentions()) { $0.formUnion($1.mentions) }
  }

  private static func expressions(_ binding: Binding) -> [RuleExpression] {
    var all = [binding.rule.condition, binding.workspace, binding.packing?.bytes].compactMap { $0 }
    for call in binding.calls {
      if let condition = call.condition { all.append(condition) }
      for argument in call.arguments {
        switch argument.source {
        case .expression(let expression): all.append(expression)
        case .array(_, let expressions): all += expressions
        default: break
        }
      }
    }
    return all
  }
}
