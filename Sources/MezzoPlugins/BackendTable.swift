import CMezzoABI
import MezzoBackend
import MezzoPolicy

/// A backend's table as far as this host knows it: read once, checked, and never trusted beyond its stated sizes.
struct BackendTable {
  let raw: mezzo_backend
  let id: String
  let version: String

  init(_ pointer: UnsafePointer<mezzo_backend>, name: String) throws(BackendError) {
    func refuse(_ message: String) -> BackendError { BackendError(backend: name, kind: .unloadable, message: message) }
    // struct_size and the version stand first in every version of the table.
    let stated = Int(pointer.pointee.struct_size)
    let (major, minor) = (UInt32(pointer.pointee.abi_major), UInt32(pointer.pointee.abi_minor))
    guard major == MEZZO_ABI_MAJOR, minor <= MEZZO_ABI_MINOR else {
      throw refuse(
        "its table obeys ABI \(major).\(minor), this host speaks \(MEZZO_ABI_MAJOR).0 to "
          + "\(MEZZO_ABI_MAJOR).\(MEZZO_ABI_MINOR); rebuild it with this host's mezzo_backend.h")
    }
    let least = MemoryLayout<mezzo_backend>.offset(of: \.extension) ?? MemoryLayout<mezzo_backend>.size
    guard stated >= least, stated <= 1 << 16 else {
      throw refuse("its table states a size of \(stated) bytes, at least \(least) are required")
    }
    raw = Self.read(UnsafeRawPointer(pointer), size: stated, default: mezzo_backend())
    guard let id = raw.id.map({ String(cString: $0) }), Self.isName(id) else {
      throw refuse("its table has no id of letters, digits, '-', '_' and '.'")
    }
    self.id = id
    version = raw.version.map { String(cString: $0) } ?? "unknown"
  }

  typealias Required = (
    open: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_open_args>?) -> mezzo_status,
    plan: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_plan_args>?) -> mezzo_status,
    execute: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_exec_args>?) -> mezzo_status,
    release: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_release_args>?) -> mezzo_status
  )

  func requiredEntries() throws(BackendError) -> Required {
    let present = [
      ("open", raw.open != nil), ("close", raw.close != nil), ("plan", raw.plan != nil),
      ("execute", raw.execute != nil), ("release", raw.release != nil),
    ]
    guard let open = raw.open, raw.close != nil, let plan = raw.plan, let execute = raw.execute,
      let release = raw.release
    else {
      let missing = present.filter { !$0.1 }.map(\.0).joined(separator: ", ")
      throw BackendError(backend: id, kind: .unloadable, message: "its table lacks the required functions \(missing)")
    }
    return (open, plan, execute, release)
  }

  /// The rules that this host understands; one for an operation of a later minor version is passed over.
  func rules() throws(BackendError) -> [Rule] {
    guard raw.n_rules > 0 else { return [] }
    let stride = Int(raw.rule_stride)
    let least = MemoryLayout<mezzo_rule>.offset(of: \.when) ?? 0
    guard let first = raw.rules, stride >= least, raw.n_rules <= 65_536 else {
      throw BackendError(
        backend: id, kind: .unloadable,
        message: "its table states \(raw.n_rules) rules of \(stride) bytes, each must have at least \(least)")
    }
    var rules: [Rule] = []
    for index in 0..<Int(raw.n_rules) {
      let pointer = UnsafeRawPointer(first) + index * stride
      let size = min(Int(pointer.loadUnaligned(as: UInt32.self)), stride)
      let rule = Self.read(pointer, size: size, default: mezzo_rule())
      if let code = OperationCode(rawValue: rule.op) { rules.append(try parse(rule, code, index)) }
    }
    return rules
  }

  private func parse(_ rule: mezzo_rule, _ code: OperationCode, _ index: Int) throws(BackendError) -> Rule {
    guard let name = rule.name.map({ String(cString: $0) }), let text = rule.sig.map({ String(cString: $0) }) else {
      throw BackendError(backend: id, kind: .unloadable, message: "its rule \(index) lacks a name or a signature")
    }
    let stated = rule.numerics.accum
    guard let accumulator = stated.code == 0 && stated.bits == 0 ? .float32 : DType(abi: stated) else {
      throw BackendError(
        backend: id, kind: .unloadable,
        message:
          "its rule \(name) accumulates in a dtype of code \(stated.code) and \(stated.bits) bits, which this host "
          + "does not have")
    }
    do throws(RuleSyntaxError) {
      let signature = try RuleSignature(parsing: text)
      var condition: RuleExpression?
      if let when = rule.when {
        condition = try RuleExpression(parsing: String(cString: when), signature: signature, code: code)
      }
      return Rule(
        name: name, code: code, signature: signature, condition: condition,
        accumulator: accumulator, traits: Rule.Traits(rawValue: rule.flags),
        epilogue: Rule.EpilogueMask(rawValue: rule.epilogue_mask),
        cost: Rule.Cost(
          fixed: rule.cost.fixed_ns, operationsPerNanosecond: rule.cost.flop_per_ns,
          bytesPerNanosecond: rule.cost.byte_per_ns), alignment: Int(rule.align), index: index)
    } catch {
      throw BackendError(backend: id, kind: .unloadable, message: "its rule \(name) cannot be read: \(error)")
    }
  }

  /// Copies what both sides know; what the writer did not know keeps the default.
  private static func read<T>(_ pointer: UnsafeRawPointer, size: Int, default value: T) -> T {
    var value = value
    withUnsafeMutableBytes(of: &value) { known in
      known.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(size, known.count)))
    }
    return value
  }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 64
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || [0x2D, 0x5F, 0x2E].contains($0)
      }
  }
}
