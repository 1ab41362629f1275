// A small Mezzo backend: matrix products and relu in float32. Change it step by step, along the numbers.
//
// The contract is mezzo_backend.h, imported through module.modulemap; nothing else of Mezzo is needed. The entry points do
// not throw: what `plan` throws becomes a status before it leaves.
import MezzoBackendABI

/// 1. How kernels say no.
struct Decline: Error {
  var why: Int
  var text: StaticString

  init(_ why: Int, _ text: StaticString) {
    self.why = why
    self.text = text
  }
}

/// Writes into the caller's buffer, which is all that it shows of an error.
func report(
  _ error: UnsafeMutablePointer<mezzo_error>?, _ status: Int, _ why: Int, _ text: StaticString
) -> mezzo_status {
  guard let error else { return mezzo_status(status) }
  error.pointee.code = mezzo_status(status)
  error.pointee.why = UInt32(why)
  error.pointee.operand = .max
  error.pointee.msg_len = 0
  guard let target = error.pointee.msg, error.pointee.msg_cap > 0 else { return mezzo_status(status) }
  let length = min(text.utf8CodeUnitCount, Int(error.pointee.msg_cap) - 1)
  UnsafeMutableRawPointer(target).copyMemory(from: text.utf8Start, byteCount: length)
  target[length] = 0
  error.pointee.msg_len = UInt32(length)
  return mezzo_status(status)
}

/// Structs may grow in later versions of the ABI, so arrays of them are walked with the distance that comes with them.
func operand(_ op: mezzo_op, _ index: Int) -> mezzo_operand? {
  op.operands.map {
    (UnsafeRawPointer($0) + index * Int(op.operand_stride)).assumingMemoryBound(to: mezzo_operand.self).pointee
  }
}

/// `nil` for operands without elements, for which the host may hand over NULL.
func data(_ tensors: mezzo_tensors, _ index: Int) -> UnsafeMutablePointer<Float>? {
  guard let first = tensors.at else { return nil }
  let tensor = (UnsafeRawPointer(first) + index * Int(tensors.stride)).assumingMemoryBound(to: mezzo_tensor.self)
    .pointee
  return tensor.data.map { ($0 + Int(tensor.byte_offset)).assumingMemoryBound(to: Float.self) }
}

/// 2. What one rule does with one list of shapes. It is made once by plan and only read after that, on any thread.
enum Plan {
  case matmul(batch: Int, m: Int, k: Int, n: Int)
  case relu(count: Int)
}

func product(_ extents: some Sequence<Int64>) throws(Decline) -> Int {
  var count = 1
  for extent in extents {
    let (next, overflow) = count.multipliedReportingOverflow(by: Int(extent))
    guard extent >= 0, !overflow, next <= Int.max / 4 else { throw Decline(MEZZO_WHY_SHAPE, "takes what memory holds") }
    count = next
  }
  return count
}

func takeMatmul(_ a: [Int64], _ b: [Int64], _ c: [Int64]) throws(Decline) -> Plan {
  let rank = a.count
  guard rank >= 2, b.count == rank, c.count == rank else {
    throw Decline(MEZZO_WHY_SHAPE, "takes matrices of one rank")
  }
  guard a.dropLast(2) == b.dropLast(2), a.dropLast(2) == c.dropLast(2) else {
    throw Decline(MEZZO_WHY_SHAPE, "takes the same leading extents for all")
  }
  guard a[rank - 1] == b[rank - 2], a[rank - 2] == c[rank - 2], b[rank - 1] == c[rank - 1] else {
    throw Decline(MEZZO_WHY_SHAPE, "takes A[m,k], B[k,n] and C[m,n]")
  }
  for shape in [a, b, c] { _ = try product(shape) }
  return .matmul(batch: try product(a.dropLast(2)), m: Int(a[rank - 2]), k: Int(a[rank - 1]), n: Int(b[rank - 1]))
}

/// 3. Mezzo has matched the rule before it calls; this still checks all that the kernels rely on, and declines.
func plan(_ arguments: mezzo_plan_args) throws(Decline) -> Plan {
  let expected = [(MEZZO_OP_MATMUL, 2), (MEZZO_OP_RELU, 1)]
  guard let op = arguments.op?.pointee, arguments.rule < expected.count else {
    throw Decline(MEZZO_WHY_OP, "has two rules")
  }
  let (code, own) = expected[Int(arguments.rule)]
  guard op.op == code else { throw Decline(MEZZO_WHY_OP, "takes matmul and relu") }
  // Operands of an epilogue may stand behind the operation's own.
  guard op.n_in >= own, op.n_in <= own + Int(op.n_epilogue), op.n_out == 1 else {
    throw Decline(MEZZO_WHY_SHAPE, "takes another number of operands or results")
  }
  guard op.n_attrs == 0 else { throw Decline(MEZZO_WHY_ATTR, "takes no attributes") }
  guard op.want.accum.code != MEZZO_FLOAT || op.want.accum.bits <= 32 else {
    throw Decline(MEZZO_WHY_ACCUM, "accumulates in float32")
  }
  var shapes: [[Int64]] = []
  for index in Array(0..<own) + [Int(op.n_in)] {
    guard let one = operand(op, index), one.dtype.code == MEZZO_FLOAT, one.dtype.bits == 32, one.dtype.lanes == 1 else {
      throw Decline(MEZZO_WHY_DTYPE, "takes float32")
    }
    shapes.append(Array(UnsafeBufferPointer(start: one.shape, count: Int(one.ndim))))
  }
  if arguments.rule == 0 { return try takeMatmul(shapes[0], shapes[1], shapes[2]) }
  guard shapes[0] == shapes[1] else { throw Decline(MEZZO_WHY_SHAPE, "takes operand and result of one shape") }
  return .relu(count: try product(shapes[0]))
}

/// 4. The work. Pointers, because results may lie in the memory of operands, which Swift's arrays never do.
func matmul(
  _ rows: Int, _ m: Int, _ k: Int, _ n: Int, _ a: UnsafePointer<Float>?, _ b: UnsafePointer<Float>?,
  _ c: UnsafeMutablePointer<Float>
) {
  for row in 0..<rows {
    let out = c + row * n
    for j in 0..<n { out[j] = 0 }
    guard let a, let b else { continue }
    for l in 0..<k {
      // A mistake to see the kit catch: take "// WRONG: " away, then `make check`.
      // WRONG: if l % 8 == 7 { continue }
      let left = a[row * k + l]
      let right = b + (row / m * k + l) * n
      for j in 0..<n { out[j] += left * right[j] }
    }
  }
}

func relu(_ count: Int, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
  // Written so that NaN stays NaN, as the header asks.
  for index in 0..<count { y[index] = x[index] > 0 || x[index].isNaN ? x[index] : 0 }
}

func execute(_ arguments: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
  guard let plan = arguments.pointee.plan?.assumingMemoryBound(to: Plan.self) else {
    return report(arguments.pointee.h.err, MEZZO_INTERNAL, MEZZO_WHY_NONE, "no plan")
  }
  let (inputs, outputs) = (arguments.pointee.in, arguments.pointee.out)
  guard let result = data(outputs, 0) else { return mezzo_status(MEZZO_OK) }
  switch plan.pointee {
  case .matmul(let batch, let m, let k, let n): matmul(batch * m, m, k, n, data(inputs, 0), data(inputs, 1), result)
  case .relu(let count): if let x = data(inputs, 0) { relu(count, x, result) }
  }
  return mezzo_status(MEZZO_OK)
}

/// Strings of the tables live as long as the process.
func text(_ string: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(string.utf8Start).assumingMemoryBound(to: CChar.self)
}

func rule(
  _ op: Int, _ name: StaticString, _ sig: StaticString, _ when: StaticString, flags: Int, cost: mezzo_cost
) -> mezzo_rule {
  var rule = mezzo_rule()
  rule.struct_size = UInt32(MemoryLayout<mezzo_rule>.size)
  rule.op = UInt32(op)
  rule.name = text(name)
  rule.sig = text(sig)
  rule.when = text(when)
  rule.numerics.accum = mezzo_dtype(code: UInt8(MEZZO_FLOAT), bits: 32, lanes: 1)
  rule.numerics.deterministic = 1
  rule.flags = UInt32(MEZZO_R_DETERMINISTIC | MEZZO_R_REENTRANT | flags)
  rule.cost = cost
  return rule
}

/// 5. What the backend can do, as data. Claim nothing that execute does not do: Mezzo tests every claim, and the router
/// believes the costs: measure them.
func makeRules() -> [mezzo_rule] {
  [
    rule(
      MEZZO_OP_MATMUL, "matmul", "A:f32[...,m,k] B:f32[...,k,n] -> C:f32[...,m,n]",
      "contiguous(A) and contiguous(B) and contiguous(C)", flags: 0,
      cost: mezzo_cost(fixed_ns: 20, flop_per_ns: 12, byte_per_ns: 0, pack_byte_per_ns: 0)),
    rule(
      MEZZO_OP_RELU, "relu", "x:f32 -> y:f32", "contiguous(x) and contiguous(y)", flags: MEZZO_R_INPLACE_OK,
      cost: mezzo_cost(fixed_ns: 20, flop_per_ns: 0, byte_per_ns: 20, pack_byte_per_ns: 0)),
  ]
}

/// 6. Who the backend is. The id is how users name it in routes, so it should not change. Made at the first query and never
/// freed, since the host keeps pointers into it.
struct Table: @unchecked Sendable {
  let pointer = UnsafeMutablePointer<mezzo_backend>.allocate(capacity: 1)

  init() {
    let list = makeRules()
    let rules = UnsafeMutablePointer<mezzo_rule>.allocate(capacity: list.count)
    rules.initialize(from: list, count: list.count)
    var table = mezzo_backend()
    table.struct_size = UInt32(MemoryLayout<mezzo_backend>.size)
    table.abi_major = 1
    table.abi_minor = 0
    table.id = text("template")
    table.version = text("1.0.0")
    table.vendor = text("your name")
    table.build = text("Swift")
    table.rules = UnsafePointer(rules)
    table.n_rules = UInt32(list.count)
    table.rule_stride = UInt32(MemoryLayout<mezzo_rule>.stride)
    // Look in open for what the backend depends on, and decline with a text that says how to get it.
    table.open = { _, arguments in
      arguments?.pointee.`self` = nil
      return mezzo_status(MEZZO_OK)
    }
    table.close = { _, _ in mezzo_status(MEZZO_OK) }
    table.plan = { _, arguments in
      guard let arguments else { return mezzo_status(MEZZO_INVALID) }
      do throws(Decline) {
        let made = try plan(arguments.pointee)
        let kept = UnsafeMutablePointer<Plan>.allocate(capacity: 1)
        kept.initialize(to: made)
        arguments.pointee.plan = UnsafeMutableRawPointer(kept)
        arguments.pointee.workspace = 0  // scratch bytes that each execute gets
        arguments.pointee.packed_bytes = 0  // no operand is rearranged ahead of time
        arguments.pointee.n_epilogue = 0  // no step that follows is done here
        return mezzo_status(MEZZO_OK)
      } catch {
        return report(arguments.pointee.h.err, MEZZO_UNSUPPORTED, error.why, error.text)
      }
    }
    table.execute = { _, arguments in arguments.map(execute) ?? mezzo_status(MEZZO_INVALID) }
    table.release = { _, arguments in
      arguments?.pointee.plan?.assumingMemoryBound(to: Plan.self).deallocate()
      return mezzo_status(MEZZO_OK)
    }
    pointer.initialize(to: table)
  }
}

let backend = Table()

/// The only exported symbol. NULL means that this backend speaks none of the versions that the host offers.
@_cdecl("mezzo_backend_query")
public func query(_ offer: UnsafePointer<mezzo_offer>?) -> UnsafePointer<mezzo_backend>? {
  let table = backend.pointer.pointee
  guard let offer = offer?.pointee, offer.major == table.abi_major, offer.min_minor <= table.abi_minor,
    table.abi_minor <= offer.max_minor
  else { return nil }
  return UnsafePointer(backend.pointer)
}
