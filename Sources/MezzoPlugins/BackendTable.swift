import CMezzoABI
import MezzoBackend
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A backend's table as far as this host knows it: read once, checked, and never trusted beyond its stated sizes.
struct BackendTable {
  let raw: mezzo_backend
  let id: String
  let version: String
  /// Who made it and with what, for people; `nil` where it does not say.
  let vendor, build: String?

  init(_ pointer: UnsafePointer<mezzo_backend>, name: String) throws(BackendError) {
    func refuse(_ message: String) -> BackendError { BackendError(backend: name, kind: .unloadable, message: message) }
    // struct_size and the version stand first in every version of the table, which may lie at any address.
    let bytes = UnsafeRawPointer(pointer)
    let stated = Int(bytes.loadUnaligned(as: UInt32.self))
    let major = UInt32(bytes.loadUnaligned(fromByteOffset: 4, as: UInt16.self))
    let minor = UInt32(bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
    guard major == MEZZO_ABI_MAJOR, minor <= MEZZO_ABI_MINOR else {
      throw refuse(
        "its table obeys ABI \(major).\(minor), this host speaks \(MEZZO_ABI_MAJOR).0 to "
          + "\(MEZZO_ABI_MAJOR).\(MEZZO_ABI_MINOR); rebuild it with this host's mezzo_backend.h")
    }
    let least = MemoryLayout<mezzo_backend>.offset(of: \.extension) ?? MemoryLayout<mezzo_backend>.size
    guard stated >= least, stated <= 1 << 16 else {
      throw refuse("its table states a size of \(stated) bytes, at least \(least) are required")
    }
    raw = Self.read(bytes, size: stated, default: mezzo_backend())
    guard let id = Self.text(raw.id, limit: 64), Self.isName(id) else {
      throw refuse("its table has no id of letters, digits, '-', '_' and '.'")
    }
    self.id = id
    version = Self.text(raw.version, limit: 128) ?? "unknown"
    vendor = Self.text(raw.vendor, limit: 256)
    build = Self.text(raw.build, limit: 256)
  }

  typealias Required = (
    open: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_open_args>?) -> mezzo_status,
    plan: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_plan_args>?) -> mezzo_status,
    execute: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_exec_args>?) -> mezzo_status,
    close: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_call>?) -> mezzo_status,
    release: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<mezzo_release_args>?) -> mezzo_status
  )

  func requiredEntries() throws(BackendError) -> Required {
    let present = [
      ("open", raw.open != nil), ("close", raw.close != nil), ("plan", raw.plan != nil),
      ("execute", raw.execute != nil), ("release", raw.release != nil),
    ]
    guard let open = raw.open, let close = raw.close, let plan = raw.plan, let execute = raw.execute,
      let release = raw.release
    else {
      let missing = present.filter { !$0.1 }.map(\.0).joined(separator: ", ")
      throw BackendError(backend: id, kind: .unloadable, message: "its table lacks the required functions \(missing)")
    }
    return (open, plan, execute, close, release)
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
    var names: Set<String> = []
    for index in 0..<Int(raw.n_rules) {
      let pointer = UnsafeRawPointer(first) + index * stride
      let size = min(Int(pointer.loadUnaligned(as: UInt32.self)), stride)
      let raw = Self.read(pointer, size: size, default: mezzo_rule())
      guard let code = OperationCode(rawValue: raw.op) else { continue }
      let rule = try parse(raw, code, index)
      guard names.insert(rule.name).inserted else {
        throw refuse("two of its rules have the name \(rule.name); names are unique within a backend")
      }
      rules.append(rule)
    }
    return rules
  }

  private func refuse(_ message: String) -> BackendError {
    BackendError(backend: id, kind: .unloadable, message: message)
  }

  private func parse(_ rule: mezzo_rule, _ code: OperationCode, _ index: Int) throws(BackendError) -> Rule {
    guard let name = Self.text(rule.name, limit: 128), !name.isEmpty, let text = Self.text(rule.sig, limit: 4096) else {
      throw refuse("its rule \(index) lacks a name or a signature of readable text")
    }
    let stated = rule.numerics.accum
    guard let accumulator = stated.code == 0 && stated.bits == 0 ? .float32 : DType(abi: stated) else {
      throw refuse(
        "its rule \(name) accumulates in a dtype of code \(stated.code) and \(stated.bits) bits, which this host does not "
          + "have")
    }
    let numbers = [
      ("fixed_ns", rule.cost.fixed_ns), ("flop_per_ns", rule.cost.flop_per_ns), ("byte_per_ns", rule.cost.byte_per_ns),
      ("pack_byte_per_ns", rule.cost.pack_byte_per_ns), ("rel_tol", Double(rule.numerics.rel_tol)),
    ]
    for (field, value) in numbers where !(value >= 0 && value.isFinite) {
      throw refuse("its rule \(name) states \(field) = \(value); expected a number of 0 or more")
    }
    guard rule.align & (rule.align &- 1) == 0 else {
      throw refuse("its rule \(name) wants data aligned to \(rule.align) bytes; expected a power of two")
    }
    let when = Self.text(rule.when, limit: 4096)
    guard rule.when == nil || when != nil else {
      throw refuse("its rule \(name) has a condition that is no readable text")
    }
    do throws(RuleSyntaxError) {
      let signature = try RuleSignature(parsing: text)
      var condition: RuleExpression?
      if let when { condition = try RuleExpression(parsing: when, signature: signature, code: code) }
      return Rule(
        name: name, code: code, signature: signature, condition: condition,
        accumulator: accumulator, numerics: Self.numerics(rule), traits: Rule.Traits(rawValue: rule.flags),
        epilogue: Rule.EpilogueMask(rawValue: rule.epilogue_mask),
        cost: Rule.Cost(
          fixed: rule.cost.fixed_ns, operationsPerNanosecond: rule.cost.flop_per_ns,
          bytesPerNanosecond: rule.cost.byte_per_ns, packedBytesPerNanosecond: rule.cost.pack_byte_per_ns),
        alignment: Int(rule.align), index: index)
    } catch {
      throw refuse("its rule \(name) cannot be read: \(error)")
    }
  }

  /// `nil` for what is no UTF-8 of printable characters, or is longer than `limit` bytes.
  private static func text(_ pointer: UnsafePointer<CChar>?, limit: Int) -> String? {
    guard let pointer else { return nil }
    let length = strnlen(pointer, limit + 1)
    let bytes = UnsafeRawBufferPointer(start: pointer, count: length)
    guard length <= limit, bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func numerics(_ rule: mezzo_rule) -> Numerics {
    Numerics(
      isDeterministic: rule.numerics.deterministic != 0
        || Rule.Traits(rawValue: rule.flags).contains(.deterministic),
      keepsDenormals: rule.numerics.denormals == 0, isStrictMath: rule.numerics.math_mode == 0,
      roundsToNearestEven: rule.numerics.rounding == 0,
      relativeError: Double(rule.numerics.rel_tol))
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
