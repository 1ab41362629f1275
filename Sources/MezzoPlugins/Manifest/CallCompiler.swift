import CMezzoFFI
import MezzoBackend
import MezzoPolicy

/// Turns a call of a manifest, for one request, into slots: everything is computed but the addresses of tensors.
struct CallCompiler {
  let backend: ManifestBackend
  let rule: String
  let arena: ForeignArena
  let threads: Int
  /// Operands as the signature binds them, and behind them the results.
  var tensors: [Operand] = []
  var inputCount = 0
  /// Places among the addresses of an execution.
  var places = Places()
  var isLooped = false
  var leadingRank = 0
  var locals: [Binding.Local] = []
  var cells: UnsafeMutableRawPointer?
  var bindings = RuleBindings()

  struct Places {
    var tensors: [Int] = []
    var bias: Int?
    var workspace: Int?
    var packed: Int?
  }

  static let cellWidth = 8

  func decline(_ why: BackendError.Why, _ message: String) -> BackendError {
    BackendError(backend: backend.id, kind: .declined(why), message: "\(rule): \(message)")
  }

  func plan(_ call: Call) throws(BackendError) -> mezzo_ffi_plan {
    guard let function = backend.function(call.symbol) else {
      throw decline(.symbol, "symbol \(call.symbol) is not there")
    }
    let types = call.arguments.map { $0.type.resolved(blasint: backend.blasint) }
    let returns = call.returns?.resolved(blasint: backend.blasint)
    let half = backend.manifest.linking.halfIsInteger
    guard let interface = ForeignInterface.prepared(types, returns: returns, halfIsInteger: half) else {
      throw decline(.limit, "libffi cannot make calls like that of \(call.symbol) on this machine")
    }
    let slots = arena.bytes(types.count * MemoryLayout<UInt64>.stride)
    var addresses: [mezzo_ffi_address] = []
    for (index, argument) in call.arguments.enumerated() {
      let slot = slots + index * MemoryLayout<UInt64>.stride
      if let place = try fill(slot, argument, types[index], call) {
        addresses.append(
          mezzo_ffi_address(argument: UInt32(index), tensor: UInt32(place.index), steps: steps(place.operand)))
      }
    }
    var plan = mezzo_ffi_plan()
    plan.interface = interface
    plan.function = function
    plan.slots = UnsafePointer(slots.assumingMemoryBound(to: UInt64.self))
    plan.addresses = UnsafePointer(arena.copy(addresses))
    plan.n_arguments = UInt32(types.count)
    plan.n_addresses = UInt32(addresses.count)
    plan.returns = CType.code(returns, halfIsInteger: half)
    (plan.check, plan.expected) = try check(call.status, call)
    (plan.unsupported_check, plan.unsupported) = try check(call.unsupported, call)
    plan.into = -1
    if case .result(let result)? = call.into {
      let tensor = inputCount + result
      let core = tensors[tensor].shape.dropFirst(leadingRank)
      guard core.allSatisfy({ $0 == 1 }) else {
        throw decline(.shape, "\(call.symbol) returns one number, the result has the shape \(tensors[tensor].shape)")
      }
      plan.into = Int32(places.tensors[tensor])
      plan.into_steps = steps(tensors[tensor])
    }
    return plan
  }

  /// Whether the call is made at all.
  func isWanted(_ call: Call) throws(BackendError) -> Bool {
    guard let condition = call.condition else { return true }
    guard case .truth(let isWanted)? = condition.value(bindings, threads: threads) else {
      throw decline(.limit, "the condition \(condition) of \(call.symbol) has no value")
    }
    return isWanted
  }

  func integer(_ expression: RuleExpression, _ what: String) throws(BackendError) -> Int {
    guard case .int(let value)? = expression.value(bindings, threads: threads) else {
      throw decline(.limit, "\(what), \(expression), has no value (an overflow, a division by 0 or a missing axis)")
    }
    return value
  }

  private func check(_ check: Call.Check?, _ call: Call) throws(BackendError) -> (UInt32, Int64) {
    guard let check else { return (UInt32(MEZZO_FFI_ANY), 0) }
    let code =
      switch check.comparison {
      case .equal: MEZZO_FFI_EQ
      case .notEqual: MEZZO_FFI_NE
      case .lessOrEqual: MEZZO_FFI_LE
      case .greaterOrEqual: MEZZO_FFI_GE
      case .less: MEZZO_FFI_LT
      case .greater: MEZZO_FFI_GT
      }
    return (UInt32(code), Int64(try integer(check.with, "what \(call.symbol) is to return")))
  }

  /// Writes what is known now; returns the place of an address that is known only later.
  private func fill(
    _ slot: UnsafeMutableRawPointer, _ argument: Argument, _ type: CType, _ call: Call
  ) throws(BackendError) -> (index: Int, operand: Operand?)? {
    func point(_ address: UnsafeMutableRawPointer?) {
      slot.storeBytes(of: address, as: UnsafeMutableRawPointer?.self)
    }
    switch argument.source {
    case .expression(let expression): try store(expression, type, in: slot, argument, call)
    case .null: break
    case .string(let text): point(UnsafeMutableRawPointer(arena.copy(Array(text.utf8CString))))
    case .tensor(let index): return (places.tensors[index], tensors[index])
    case .bias: return places.bias.map { ($0, nil) }
    case .packed: return places.packed.map { ($0, nil) }
    case .workspace: return places.workspace.map { ($0, nil) }
    case .local(let index):
      guard let cells else { break }
      point((cells + index * Self.cellWidth).load(as: UnsafeMutableRawPointer?.self))
    case .localAddress(let index): point(cells.map { $0 + index * Self.cellWidth })
    case .array(let type, let elements):
      let type = type.resolved(blasint: backend.blasint)
      let block = arena.bytes(elements.count * type.byteWidth)
      for (index, element) in elements.enumerated() {
        try store(element, type, in: block + index * type.byteWidth, argument, call)
      }
      point(block)
    case .extents(let type, let tensor): point(try list(tensors[tensor].shape, type, argument, call))
    case .strides(let type, let tensor): point(try list(tensors[tensor].strides, type, argument, call))
    }
    return nil
  }

  private func store(
    _ expression: RuleExpression, _ type: CType, in slot: UnsafeMutableRawPointer, _ argument: Argument, _ call: Call
  ) throws(BackendError) {
    guard let value = expression.value(bindings, threads: threads) else {
      throw decline(.limit, "\(argument.text) of \(call.symbol) has no value (an overflow or a missing axis)")
    }
    guard type.store(value, in: slot) else {
      throw decline(
        .limit, "\(argument.text) of \(call.symbol) is \(value), which \(argument.type.rawValue) does not hold")
    }
  }

  /// What lies in front of the extents that the binding names is the loop's.
  private func list(
    _ values: [Int], _ type: CType, _ argument: Argument, _ call: Call
  ) throws(BackendError) -> UnsafeMutableRawPointer {
    let type = type.resolved(blasint: backend.blasint)
    let core = values.dropFirst(leadingRank)
    let block = arena.bytes(core.count * type.byteWidth)
    for (index, value) in core.enumerated() where !type.store(.int(value), in: block + index * type.byteWidth) {
      throw decline(
        .limit, "\(argument.text) of \(call.symbol) holds \(value), which \(argument.type.rawValue) does not")
    }
    return block
  }

  private func steps(_ operand: Operand?) -> UnsafePointer<Int64>? {
    guard let operand, leadingRank > 0 else { return nil }
    let width = operand.dtype.byteWidth ?? 1
    return UnsafePointer(arena.copy(operand.strides.prefix(leadingRank).map { Int64($0 &* width) }))
  }
}
