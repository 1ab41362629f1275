import MezzoBackend
import MezzoPolicy

/// Reads one `[[bind]]` and checks it against what its operation needs.
struct BindingDecoder {
  let constants: Constants
  let linking: ManifestDecoder.Linking
  let threads: Manifest.Threads
  let index: Int

  private static let keys =
    CallDecoder.keys + [
      "name", "op", "sig", "accum", "optional", "batch", "epilogue", "locals", "workspace", "packed", "prepare", "pack",
      "run", "finish", "cost", "deterministic", "reentrant", "in_place", "align",
    ]
  private static let localLimit = 32
  private static let callLimit = 16

  private enum Batch: String, CaseIterable { case none, loop }

  func binding(_ table: TOMLTable) throws(TOMLError) -> Binding {
    let fields = try ManifestFields(table, "[[bind]]", known: Self.keys)
    let (name, namePosition) = try fields.required("name", "what routes and messages call it")
    guard ManifestFields.isName(name.text, also: "-.") else {
      throw TOMLError(
        position: namePosition, message: "expected a name of letters, digits, '-', '_' and '.', found '\(name.text)'")
    }
    let code = try operation(fields)
    let isLooped = try fields.choice("batch", Batch.self) == .loop
    let signature = try signature(fields, code, isLooped: isLooped)
    let epilogue = try epilogue(fields, signature)

    var scope = CallDecoder.Scope(constants: constants, linking: linking, signature: signature)
    scope.tensors = (signature.inputs + signature.results).map(\.name)
    scope.inputCount = signature.inputs.count
    scope.isLooped = isLooped
    scope.hasBias = epilogue.contains("bias")
    scope.names.code = code
    scope.names.constants = constants.numbers
    scope.names.epilogue = epilogue
    // A rule matches before an epilogue is cut to what the binding takes, and before anything is prepared.
    var outer = scope
    outer.names.epilogue = []

    let condition = try fields.text("when").map { (text, _) throws(TOMLError) in
      try CallDecoder(scope: outer).expression(text, wants: .truth)
    }
    var binding = Binding(
      rule: Rule(
        name: name.text, code: code, signature: signature, condition: condition,
        accumulator: try accumulator(fields, code, signature), epilogue: try mask(epilogue), cost: try cost(fields),
        alignment: try alignment(fields), index: index))
    binding.isOptional = try fields.bool("optional") ?? false
    binding.isLooped = isLooped
    binding.epilogue = epilogue
    binding.locals = try locals(fields, scope)
    scope.locals = binding.locals
    for local in binding.locals { scope.names.locals[local.name] = local.type.ruleType }
    if let (text, _) = try fields.text("workspace") {
      binding.workspace = try CallDecoder(scope: scope).expression(text, wants: .integer)
      scope.hasWorkspace = true
    }
    binding.packing = try packing(fields, scope)
    scope.packed = binding.packing?.operand
    binding.prepare = try calls("prepare", .prepare, fields, scope)
    binding.pack = try calls("pack", .pack, fields, scope)
    binding.run = try runs(fields, scope)
    binding.finish = try calls("finish", .finish, fields, scope)
    binding.rule.traits = try traits(fields, binding)
    binding.rule.numerics.isDeterministic = binding.rule.traits.contains(.deterministic)
    try BindingCheck(binding, fields, scope.tensors, inputCount: scope.inputCount).check()
    binding.attributes = BindingCheck.mentions(binding).attributes
    return binding
  }

  private func operation(_ fields: ManifestFields) throws(TOMLError) -> OperationCode {
    let (text, position) = try fields.required("op", "the operation that it computes, as \"matmul\"")
    if let code = OperationCode(name: text.text) { return code }
    let known = OperationCode.allCases.map(\.name)
    throw TOMLError(
      position: position,
      message: "expected an operation, found '\(text.text)'; \(ManifestFields.advice(text.text, known))")
  }

  private func signature(
    _ fields: ManifestFields, _ code: OperationCode, isLooped: Bool
  ) throws(TOMLError) -> RuleSignature {
    let (text, position) = try fields.required("sig", "as \"A:f32[m,k] B:f32[k,n] -> C:f32[m,n]\"")
    let signature = try CallDecoder(scope: .init(constants: constants, linking: linking)).ruleError(text) {
      () throws(RuleSyntaxError) in try RuleSignature(parsing: text.text)
    }
    let arity = code.arity
    guard signature.inputs.count == arity.inputs, signature.results.count == arity.results else {
      throw TOMLError(
        position: position,
        message: "expected \(arity.inputs) operands and \(arity.results) results of \(code), found "
          + "\(signature.inputs.count) and \(signature.results.count)")
    }
    guard isLooped else { return signature }
    guard let open = signature.withLeadingExtents() else {
      throw TOMLError(
        position: position, message: "expected brackets with the extents of every operand, since batch = \"loop\"")
    }
    return open
  }

  private func accumulator(
    _ fields: ManifestFields, _ code: OperationCode, _ signature: RuleSignature
  ) throws(TOMLError) -> DType {
    // As a request has it that says nothing: float64 for float64 data. No request for those would ever match less.
    let data = [signature.inputs.first, signature.results.first].compactMap { $0 }
    let wide = data.first { signature.dtype(of: $0.name) == .float64 }
    guard let (text, position) = try fields.text("accum") else { return wide == nil ? .float32 : .float64 }
    guard let dtype = DType(shortName: text.text), dtype == .float32 || dtype == .float64 || dtype == .float16 else {
      throw TOMLError(position: position, message: "expected f32, f64 or f16 for accum, found '\(text.text)'")
    }
    if let wide, dtype != .float64 {
      throw TOMLError(
        position: position,
        message: "expected f64 for accum, as \(wide.name) is f64 and such operations want sums in f64, found "
          + "'\(text.text)'; leave it out")
    }
    return dtype
  }

  private func alignment(_ fields: ManifestFields) throws(TOMLError) -> Int {
    let bytes = try fields.integer("align", in: 0...4096) ?? 0
    guard bytes & (bytes - 1) == 0 else {
      throw TOMLError(
        position: fields.value("align")?.position ?? fields.table.position,
        message: "expected a power of two for align, found \(bytes)")
    }
    return bytes
  }

  private func cost(_ fields: ManifestFields) throws(TOMLError) -> Rule.Cost {
    // What a call of many arguments takes; rates that rank behind a library that states its own.
    var cost = Rule.Cost(fixed: 200, operationsPerNanosecond: 20, bytesPerNanosecond: 10)
    guard let table = try fields.table("cost") else { return cost }
    let fields = try ManifestFields(table, "cost", known: ["fixed_ns", "flop_per_ns", "byte_per_ns"])
    cost.fixed = try fields.rate("fixed_ns") ?? cost.fixed
    cost.operationsPerNanosecond = try fields.rate("flop_per_ns") ?? 0
    cost.bytesPerNanosecond = try fields.rate("byte_per_ns") ?? 0
    return cost
  }

  // MARK: Epilogue

  private static let steps: [EpilogueStep] = [
    .bias(operand: 0), .relu, .gelu(approximate: false), .gelu(approximate: true), .sigmoid, .tanh,
  ]

  private func epilogue(_ fields: ManifestFields, _ signature: RuleSignature) throws(TOMLError) -> [String] {
    var steps: [String] = []
    let known = Self.steps.map(\.description)
    for (name, position) in try fields.strings("epilogue") ?? [] {
      guard known.contains(name), !steps.contains(name) else {
        throw TOMLError(
          position: position,
          message: "expected steps of an epilogue, each once, found '\(name)'; \(ManifestFields.advice(name, known))")
      }
      steps.append(name)
    }
    return steps
  }

  private func mask(_ epilogue: [String]) throws(TOMLError) -> Rule.EpilogueMask {
    Self.steps.filter { epilogue.contains($0.description) }
      .reduce(into: []) { $0.formUnion(Rule.EpilogueMask(rawValue: 1 << $1.abiKind)) }
  }

  // MARK: Locals, packing and calls

  private func locals(_ fields: ManifestFields, _ scope: CallDecoder.Scope) throws(TOMLError) -> [Binding.Local] {
    guard let table = try fields.table("locals") else { return [] }
    var locals: [Binding.Local] = []
    for entry in table.entries {
      guard ManifestFields.isName(entry.key), !("0"..."9").contains(entry.key.first ?? "0"),
        !scope.tensors.contains(entry.key), !["bias", "workspace", "packed", "array", "null"].contains(entry.key)
      else {
        throw TOMLError(
          position: entry.keyPosition, message: "expected a name of its own for a local, found '\(entry.key)'")
      }
      guard case .string(let text) = entry.value.content else {
        throw TOMLError(position: entry.value.position, message: "expected a C type, found \(entry.value.kind)")
      }
      let type: CType = try ManifestFields.word(text.text, "a local's type", at: entry.value.position)
      guard type == .ptr || type.ruleType != nil && type != .f16, type != .blasint || linking.blasint != nil else {
        throw TOMLError(
          position: entry.value.position, message: "expected ptr or a number's type for a local, found '\(text.text)'")
      }
      locals.append(Binding.Local(name: entry.key, type: type))
    }
    guard locals.count <= Self.localLimit else {
      throw TOMLError(
        position: table.position, message: "expected at most \(Self.localLimit) locals, found \(locals.count)")
    }
    return locals
  }

  private func packing(_ fields: ManifestFields, _ scope: CallDecoder.Scope) throws(TOMLError) -> Binding.Packing? {
    guard let table = try fields.table("packed") else { return nil }
    let inner = try ManifestFields(table, "packed", known: ["operand", "bytes"])
    let (name, position) = try inner.required("operand", "which operand has a packed form")
    guard let operand = scope.tensors.prefix(scope.inputCount).firstIndex(of: name.text) else {
      throw TOMLError(position: position, message: "expected an operand, found '\(name.text)'")
    }
    guard !scope.isLooped else {
      throw TOMLError(position: position, message: "expected no batch loop, since it would need a packed form for each")
    }
    let (bytes, _) = try inner.required("bytes", "of the packed form, as an expression")
    return Binding.Packing(
      operand: operand, bytes: try CallDecoder(scope: scope).expression(bytes, wants: .integer))
  }

  private func calls(
    _ key: String, _ phase: CallDecoder.Phase, _ fields: ManifestFields, _ scope: CallDecoder.Scope
  ) throws(TOMLError) -> [Call] {
    var scope = scope
    scope.phase = phase
    var calls: [Call] = []
    for table in try fields.tables(key, limit: Self.callLimit) {
      calls.append(try CallDecoder(scope: scope).call(table))
    }
    return calls
  }

  /// Either the binding itself is the one call, or it lists several.
  private func runs(_ fields: ManifestFields, _ scope: CallDecoder.Scope) throws(TOMLError) -> [Call] {
    guard let entry = fields.table["run"] else {
      var scope = scope
      scope.phase = .run
      // The binding's own `when` is its rule's.
      let only = TOMLTable(.inline, position: fields.table.position)
      for entry in fields.table.entries where CallDecoder.keys.contains(entry.key) && entry.key != "when" {
        only.append(entry)
      }
      return [try CallDecoder(scope: scope).call(try ManifestFields(only, "[[bind]]", known: CallDecoder.keys))]
    }
    for key in CallDecoder.keys where key != "when" {
      guard let other = fields.table[key] else { continue }
      throw TOMLError(
        position: other.keyPosition, message: "expected \(key) inside of run, since the binding lists its calls there")
    }
    let calls = try calls("run", .run, fields, scope)
    guard !calls.isEmpty else { throw TOMLError(position: entry.value.position, message: "expected a call in run") }
    return calls
  }

  private func traits(_ fields: ManifestFields, _ binding: Binding) throws(TOMLError) -> Rule.Traits {
    var traits: Rule.Traits = []
    if try fields.bool("deterministic") ?? true { traits.insert(.deterministic) }
    // What prepare makes, runs may change.
    if try fields.bool("reentrant") ?? binding.prepare.isEmpty { traits.insert(.reentrant) }
    if try fields.bool("in_place") ?? false { traits.insert(.inPlace) }
    if binding.packing != nil { traits.insert(.prepacks) }
    if threads.model != .none { traits.insert(.ownThreads) }
    return traits
  }
}
