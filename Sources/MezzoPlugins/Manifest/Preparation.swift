import CMezzoABI
import CMezzoFFI
import MezzoBackend
import MezzoPolicy

/// Makes everything that a prepared operation keeps, and takes back what the library made if a later part is declined.
struct Preparation {
  private(set) var workspaceBytes = 0
  private(set) var packing: Packing?
  private(set) var consumedEpilogue = 0
  private(set) var program = mezzo_ffi_program()
  private(set) var packs: [mezzo_ffi_plan] = []
  private(set) var finishes: [mezzo_ffi_plan] = []

  private let request: OperationRequest
  private let binding: Binding
  private let backend: ManifestBackend
  private var compiler: CallCompiler

  private static let byteLimit = 1 << 40

  init(
    _ request: OperationRequest, _ binding: Binding, backend: ManifestBackend, threads: Int, arena: ForeignArena
  ) throws(BackendError) {
    self.request = request
    self.binding = binding
    self.backend = backend
    compiler = CallCompiler(backend: backend, rule: binding.rule.name, arena: arena, threads: threads)
    try bind(threads)
    do throws(BackendError) {
      try makeReady()
    } catch {
      release()
      throw error
    }
  }

  private mutating func bind(_ threads: Int) throws(BackendError) {
    if case .differs(let why, let message) = binding.rule.match(request, threads: threads) {
      throw compiler.decline(why, message)
    }
    let own = Array(request.ownInputs)
    switch binding.rule.signature.bind(inputs: own, results: request.results) {
    case .success(let bindings): compiler.bindings = bindings
    case .failure(let mismatch): throw compiler.decline(.shape, "\(mismatch)")
    }
    try requireKnownAttributes()
    compiler.bindings.bind(attributesOf: request)
    takeEpilogue()
    compiler.bindings.steps = Array(request.epilogue.prefix(consumedEpilogue))
    compiler.tensors = own + request.results
    compiler.inputCount = own.count
    compiler.leadingRank = binding.isLooped ? compiler.bindings.leading?.count ?? 0 : 0
    compiler.locals = binding.locals
    if !binding.locals.isEmpty {
      compiler.cells = compiler.arena.bytes(binding.locals.count * CallCompiler.cellWidth)
    }
    // Vectors of steps that are left over are not passed.
    let bias = compiler.bindings.steps.compactMap { $0.operand }.first
    let inputs = max(own.count, bias.map { $0 + 1 } ?? 0)
    guard inputs + request.results.count <= MEZZO_FFI_TENSORS, compiler.leadingRank <= MEZZO_FFI_AXES else {
      throw compiler.decline(.limit, "it takes at most \(MEZZO_FFI_TENSORS) tensors and \(MEZZO_FFI_AXES) leading axes")
    }
    compiler.places.tensors = Array(0..<own.count) + (0..<request.results.count).map { inputs + $0 }
    compiler.places.bias = bias
    compiler.places.workspace = inputs + request.results.count
    program.n_in = UInt32(inputs)
    program.n_out = UInt32(request.results.count)
  }

  /// What no expression asks for must be as if nobody had said it.
  private func requireKnownAttributes() throws(BackendError) {
    for attribute in request.attributes where !binding.attributes.contains(attribute.name) {
      let meaning = request.code.attributes.first { $0.name == attribute.name }
      if let usual = meaning?.default, usual.isEqual(to: attribute.value) { continue }
      throw compiler.decline(.attribute, "it does not know the attribute \(attribute.name) = \(attribute.value)")
    }
  }

  /// The longest beginning of the chain that runs in the binding's own order.
  private mutating func takeEpilogue() {
    var rest = binding.epilogue[...]
    for step in request.epilogue {
      guard let place = rest.firstIndex(of: step.description) else { return }
      rest = rest[(place + 1)...]
      consumedEpilogue += 1
    }
  }

  private mutating func makeReady() throws(BackendError) {
    for call in binding.prepare where try compiler.isWanted(call) { try make(call) }
    if let workspace = binding.workspace {
      workspaceBytes = try bytes(workspace, "the size of the workspace", from: 0)
    }
    try preparePacking()
    let runs = try plans(binding.run)
    finishes = try finishPlans()
    program.calls = UnsafePointer(compiler.arena.copy(runs))
    program.n_calls = UInt32(runs.count)
    let leading = (compiler.bindings.leading ?? []).prefix(compiler.leadingRank)
    program.n_axes = UInt32(leading.count)
    program.extents = UnsafePointer(compiler.arena.copy(leading.map { Int64($0) }))
  }

  private func plans(_ calls: [Call]) throws(BackendError) -> [mezzo_ffi_plan] {
    var plans: [mezzo_ffi_plan] = []
    for call in calls { plans.append(try compiler.plan(call)) }
    return plans
  }

  /// One call of prepare, and what it leaves in the locals.
  private mutating func make(_ call: Call) throws(BackendError) {
    var plan = try compiler.plan(call)
    var result = mezzo_ffi_result()
    let status = Int(mezzo_ffi_invoke(&plan, [nil], nil, 0, &result))
    guard status == MEZZO_FFI_DONE else {
      throw ManifestBackend.failure(
        backend.id, call, returned: mezzo_ffi_integer(plan.returns, &result),
        isDecline: status == MEZZO_FFI_UNSUPPORTED)
    }
    guard let cells = compiler.cells else { return }
    if case .local(let index)? = call.into {
      mezzo_ffi_store(plan.returns, &result, cells + index * CallCompiler.cellWidth)
    }
    for (index, local) in binding.locals.enumerated() {
      compiler.bindings.locals[local.name] =
        local.type.resolved(blasint: backend.blasint).load(cells + index * CallCompiler.cellWidth)
    }
  }

  private func bytes(_ expression: RuleExpression, _ what: String, from least: Int) throws(BackendError) -> Int {
    let bytes = try compiler.integer(expression, what)
    guard (least...Self.byteLimit).contains(bytes) else {
      throw compiler.decline(.limit, "\(what), \(expression), is \(bytes) bytes")
    }
    return bytes
  }

  private mutating func preparePacking() throws(BackendError) {
    guard let wanted = binding.packing else { return }
    guard request.inputs[wanted.operand].isConstant else {
      throw compiler.decline(.layout, "operand \(wanted.operand) is not constant, and it packs it")
    }
    let size = try bytes(wanted.bytes, "the size of the packed form", from: 1)
    // A run finds the packed form where the operand was; a call of pack is given both.
    var packing = compiler
    packing.places.tensors[wanted.operand] = 0
    packing.places.packed = 1
    var hash = Fingerprint()
    hash.add("\(backend.id) \(backend.version) \(binding.rule.name) \(request.inputs[wanted.operand])")
    for call in binding.pack where try packing.isWanted(call) {
      let plan = try packing.plan(call)
      packs.append(plan)
      hash.add(call.symbol)
      // Of numbers alone: addresses differ from plan to plan.
      for (index, argument) in call.arguments.enumerated() {
        if case .expression = argument.source { hash.add(plan.slots[index]) }
      }
    }
    self.packing = Packing(operand: wanted.operand, bytes: size, key: hash.key)
    compiler.places.packed = wanted.operand
  }

  /// Those whose handles were made.
  private func finishPlans() throws(BackendError) -> [mezzo_ffi_plan] {
    var plans: [mezzo_ffi_plan] = []
    for call in binding.finish where try compiler.isWanted(call) && isMade(call) {
      plans.append(try compiler.plan(call))
    }
    return plans
  }

  private func isMade(_ call: Call) -> Bool {
    call.arguments.allSatisfy { argument in
      guard case .local(let index) = argument.source, let cells = compiler.cells else { return true }
      return (cells + index * CallCompiler.cellWidth).load(as: UnsafeMutableRawPointer?.self) != nil
    }
  }

  private func release() {
    guard let plans = try? finishPlans() else { return }
    var result = mezzo_ffi_result()
    for var plan in plans { _ = mezzo_ffi_invoke(&plan, [nil], nil, 0, &result) }
  }
}

extension AttributeValue {
  /// As numbers: 1 and 1.0 are the same.
  fileprivate func isEqual(to other: AttributeValue) -> Bool {
    switch (self, other) {
    case (.int(let left), .float(let right)): Double(exactly: left) == right
    case (.float(let left), .int(let right)): left == Double(exactly: right)
    default: self == other
    }
  }
}

/// Two FNV-1a sums with different beginnings: enough to tell packed forms apart, and the same in every process.
private struct Fingerprint {
  private(set) var key: [UInt64] = [0xcbf2_9ce4_8422_2325, 0x8422_2325_cbf2_9ce4]

  mutating func add(_ text: String) { for byte in text.utf8 { add(byte: byte) } }

  mutating func add(_ number: UInt64) {
    for shift in stride(from: 0, to: 64, by: 8) { add(byte: UInt8(truncatingIfNeeded: number >> shift)) }
  }

  private mutating func add(byte: UInt8) {
    for index in key.indices { key[index] = (key[index] ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }
}
