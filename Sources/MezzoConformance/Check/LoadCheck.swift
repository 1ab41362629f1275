import CMezzoABI
import MezzoBackend
import MezzoPlugins

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Level 0: a native library, its one symbol, and how its table stands up to hosts of other versions.
struct LoadCheck {
  private let path: String
  private let progress: (ConformanceKit.Step) -> Void
  private(set) var failures: [ConformanceReport.Finding] = []
  private(set) var warnings: [ConformanceReport.Finding] = []

  typealias Query = @convention(c) (UnsafePointer<mezzo_offer>?) -> UnsafePointer<mezzo_backend>?

  init(_ path: String, progress: @escaping (ConformanceKit.Step) -> Void) {
    self.path = path
    self.progress = progress
  }

  /// - Returns: the table that answers this host's offer, `nil` where there is none.
  mutating func run() -> UnsafePointer<mezzo_backend>? {
    begin("its symbols")
    if let names = ExportedSymbols.names(in: path) {
      let others = names.filter { $0 != "mezzo_backend_query" }.sorted()
      if !others.isEmpty {
        let shown = others.prefix(5).joined(separator: ", ") + (others.count > 5 ? ", …" : "")
        fail(
          "it exports more than its entry point", expected: "mezzo_backend_query alone",
          got: "\(others.count) more: \(shown)",
          advice: "link with a version script that keeps the others local, as 'mezzo backend new' writes one")
      }
    }
    begin("dlopen")
    let file = path.contains("/") ? path : "./\(path)"
    guard let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
      fail("it cannot be opened", expected: "a library", got: dlerror().map { String(cString: $0) } ?? "no reason")
      return nil
    }
    guard let symbol = dlsym(handle, "mezzo_backend_query") else {
      fail("its entry point", expected: "the symbol mezzo_backend_query", got: "none")
      return nil
    }
    let query = unsafeBitCast(symbol, to: Query.self)
    begin("mezzo_backend_query")
    guard let table = answer(query) else {
      fail(
        "it answers with no table",
        expected: "one of ABI \(MEZZO_ABI_MAJOR).0 to \(MEZZO_ABI_MAJOR).\(MEZZO_ABI_MINOR)",
        got: "NULL", advice: "rebuild it with this host's mezzo_backend.h")
      return nil
    }
    offers(query, table)
    rules(table)
    return failures.isEmpty || failures.allSatisfy { !$0.what.hasPrefix("its table") } ? table : nil
  }

  // MARK: Offers

  private mutating func offers(_ query: Query, _ table: UnsafePointer<mezzo_backend>) {
    let first = Self.bytes(table)
    let answers: [(name: String, change: (inout mezzo_offer) -> Void, size: Int)] = [
      ("the same offer again", { _ in }, MemoryLayout<mezzo_offer>.size),
      ("an offer that ends behind its versions", { _ in }, 12),
      ("an offer of a later, larger struct", { _ in }, 4096),
      ("an offer whose reserved field is not 0", { $0.reserved = 0xA5A5 }, MemoryLayout<mezzo_offer>.size),
    ]
    for (name, change, size) in answers {
      guard let again = answer(query, size: size, change) else {
        fail("\(name) gets no table", expected: "the same table", got: "NULL")
        continue
      }
      if Self.bytes(again) != first {
        fail("\(name) gets another table", expected: "the same bytes", got: "others", advice: "keep the query pure")
      }
    }
    var strange: [(name: String, major: UInt16, minor: UInt16)] = [
      ("an offer of the next major version alone", UInt16(MEZZO_ABI_MAJOR) + 1, 0),
      ("an offer of a minor version that is yet to come", UInt16(MEZZO_ABI_MAJOR), 1000),
    ]
    if table.pointee.abi_minor > 0 {
      strange.append(("an offer of an older minor version alone", UInt16(MEZZO_ABI_MAJOR), table.pointee.abi_minor - 1))
    }
    for (name, major, minor) in strange {
      let table = answer(query) {
        $0.major = major
        $0.min_minor = minor
        $0.max_minor = minor
      }
      guard let table, table.pointee.abi_major != major || table.pointee.abi_minor != minor else { continue }
      fail(
        "\(name) gets a table of another", expected: "NULL, or a table of \(major).\(minor)",
        got: "one of \(table.pointee.abi_major).\(table.pointee.abi_minor)",
        advice: "compare offer->major, min_minor and max_minor with what the table obeys")
    }
  }

  /// Asks with an offer that ends where memory ends, as far as this system lets.
  private func answer(
    _ query: Query, size: Int = MemoryLayout<mezzo_offer>.size, _ change: (inout mezzo_offer) -> Void = { _ in }
  ) -> UnsafePointer<mezzo_backend>? {
    var offer = mezzo_offer(
      struct_size: UInt32(size), major: UInt16(MEZZO_ABI_MAJOR), min_minor: 0, max_minor: UInt16(MEZZO_ABI_MINOR),
      reserved: 0)
    change(&offer)
    let memory = GuardedMemory(byteCount: size, alignment: 4, guarding: .pages, atStart: false)
    guard let base = memory.bytes.baseAddress else { return nil }
    let place = base + memory.offset
    memset(place, 0xA5, size)
    withUnsafeBytes(of: &offer) { bytes in
      if let source = bytes.baseAddress { memcpy(place, source, min(size, bytes.count)) }
    }
    return withExtendedLifetime(memory) { query(place.assumingMemoryBound(to: mezzo_offer.self)) }
  }

  /// Of the part of the table that both sides know.
  private static func bytes(_ table: UnsafePointer<mezzo_backend>) -> [UInt8] {
    let size = min(Int(table.pointee.struct_size), MemoryLayout<mezzo_backend>.size)
    return Array(UnsafeRawBufferPointer(start: table, count: size))
  }

  // MARK: The table

  private mutating func rules(_ table: UnsafePointer<mezzo_backend>) {
    let (count, stride) = (Int(table.pointee.n_rules), Int(table.pointee.rule_stride))
    guard count > 0, let first = table.pointee.rules else {
      fail("its table has no rules", expected: "at least one", got: "none")
      return
    }
    guard stride >= MemoryLayout<UInt32>.size, count <= 65_536 else {
      fail(
        "its table states impossible rules", expected: "1 to 65,536 of sizeof(mezzo_rule) bytes",
        got: "\(count) of \(stride) bytes")
      return
    }
    var names: Set<String> = []
    for index in 0..<count {
      let rule = (UnsafeRawPointer(first) + index * stride).assumingMemoryBound(to: mezzo_rule.self)
      guard Int(rule.pointee.struct_size) >= MemoryLayout<mezzo_rule>.size, stride >= MemoryLayout<mezzo_rule>.size
      else { continue }
      let name = rule.pointee.name.map { String(cString: $0) } ?? ""
      if name.isEmpty || !names.insert(name).inserted {
        fail("rule \(index) has no name of its own", expected: "a name that no other rule has", got: "'\(name)'")
      }
      let cost = rule.pointee.cost
      let rates = [cost.fixed_ns, cost.flop_per_ns, cost.byte_per_ns, cost.pack_byte_per_ns]
      if !rates.allSatisfy({ $0.isFinite && $0 >= 0 }) {
        fail("the cost of rule \(name)", expected: "finite numbers from 0 on", got: "\(rates)")
      } else if rates.allSatisfy({ $0 == 0 }) {
        warnings.append(
          .init(
            .load, rule: name, what: "it states no cost", expected: "its measured rates", got: "0, which is free",
            advice: "fill in .cost: the router believes it"))
      }
    }
  }

  private func begin(_ what: String) { progress(.init(level: .load, rule: what)) }

  private mutating func fail(_ what: String, expected: String, got: String, advice: String? = nil) {
    failures.append(.init(.load, what: what, expected: expected, got: got, advice: advice))
  }
}
