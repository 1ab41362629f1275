public import CMezzoABI
public import MezzoBackend

/// A backend behind the C ABI: a table of rules and entry points, from an opened library or linked into the program.
public final class NativeBackend: Backend, @unchecked Sendable {
  // Sound to share: all stored pointers are set once in init, and the ABI lets every entry point be called on any thread.
  public let id: String
  public let version: String
  /// Who made it and with what, for people; `nil` where it does not say.
  public let vendor, build: String?
  public let origin: String
  public let rules: [Rule]

  public var fingerprint: String { content?.text ?? version }

  public var codeIdentity: String? { code.text }

  /// Of its file; `nil` where it has none of its own.
  private let content: BuildIdentity?
  private let code: CodeIdentity
  private let convention: CallConvention
  private let object: UnsafeMutableRawPointer?
  private let entries: Entries
  private let close: CallSite
  private let answerExtension: (@convention(c) (UnsafePointer<CChar>?, UInt32) -> UnsafeRawPointer?)?

  struct Entries {
    var plan, execute, release: CallSite
    var pack: CallSite?
  }

  static var offer: mezzo_offer {
    mezzo_offer(
      struct_size: UInt32(MemoryLayout<mezzo_offer>.size), major: UInt16(MEZZO_ABI_MAJOR), min_minor: 0,
      max_minor: UInt16(MEZZO_ABI_MINOR), reserved: 0)
  }

  static func noCommonVersion(_ name: String) -> BackendError {
    BackendError(
      backend: name, kind: .unloadable,
      message: "it does not speak ABI \(MEZZO_ABI_MAJOR).0 to \(MEZZO_ABI_MAJOR).\(MEZZO_ABI_MINOR), which this host "
        + "offers; rebuild it with this host's mezzo_backend.h")
  }

  /// Opens the library at `path` and asks it for its table through libffi.
  /// - Parameter phase: is told what is about to happen: `dlopen`, `query`, `open`.
  public convenience init(library path: String, phase: (String) -> Void = { _ in }) throws(BackendError) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    phase("dlopen")
    let library = try SharedLibrary(path: path, name: name)
    phase("query")
    let table = try library.table(for: name)
    try self.init(table: table, name: name, origin: path, convention: .foreign, phase: phase)
  }

  /// A backend that is part of the program.
  public convenience init(
    linked query: @convention(c) (UnsafePointer<mezzo_offer>?) -> UnsafePointer<mezzo_backend>?, name: String
  ) throws(BackendError) {
    var offer = Self.offer
    guard let table = query(&offer) else { throw Self.noCommonVersion(name) }
    try self.init(table: table, name: name, origin: "linked into the program", convention: .direct)
  }

  init(
    table pointer: UnsafePointer<mezzo_backend>, name: String, origin: String, convention: CallConvention,
    phase: (String) -> Void = { _ in }
  ) throws(BackendError) {
    let table = try BackendTable(pointer, name: name)
    id = table.id
    version = table.version
    vendor = table.vendor
    build = table.build
    self.origin = origin
    self.convention = convention
    content = convention == .foreign ? BuildIdentity { BuildIdentity.of(library: origin) } : nil
    rules = try table.rules()
    let required = try table.requiredEntries()
    entries = Entries(
      plan: CallSite(required.plan, convention), execute: CallSite(required.execute, convention),
      release: CallSite(required.release, convention), pack: table.raw.pack.map { CallSite($0, convention) })
    code = CodeIdentity(of: [entries.plan, entries.execute, entries.pack].compactMap { $0?.address })
    var arguments = mezzo_open_args()
    arguments.host = UnsafePointer(HostServices.table(for: table.id).pointer)
    let open = CallSite(required.open, convention)
    phase("open")
    try Self.call(backend: table.id, { open(nil, $0) }, &arguments, head: \.h)
    object = arguments.`self`
    close = CallSite(required.close, convention)
    answerExtension = table.raw.extension
  }

  /// Plans hold on to their backend, so none is left when it goes.
  deinit {
    var head = mezzo_call()
    try? Self.call(backend: id, { close(object, $0) }, &head, head: \.self)
  }

  public func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    var arguments = mezzo_plan_args()
    arguments.rule = UInt32(rule.index)
    arguments.threads = UInt32(clamping: threads)
    try RequestMarshaller.withOperation(request, backend: id) { operation throws(BackendError) in
      arguments.op = operation
      try Self.call(backend: id, { entries.plan(object, $0) }, &arguments, head: \.h)
    }
    let prepared = NativeOperation(
      backend: self, plan: arguments.plan, workspaceBytes: Int(clamping: arguments.workspace),
      packing: arguments.packed_bytes == 0
        ? nil
        : Packing(
          operand: Int(arguments.packed_operand), bytes: Int(clamping: arguments.packed_bytes),
          key: [arguments.pack_key.0, arguments.pack_key.1]),
      consumedEpilogue: Int(arguments.n_epilogue), isReentrant: rule.traits.contains(.reentrant),
      usesOwnThreads: rule.traits.contains(.ownThreads))
    try prepared.validate(request, canPack: entries.pack != nil)
    return prepared
  }

  public func callKind(of rule: Rule) -> CallKind {
    switch convention {
    case .direct: .direct
    case .foreign: .foreign(arguments: 2)
    }
  }

  /// The table of an extension, `nil` where the backend has none of at least `version`.
  func extensionTable(_ name: String, version: UInt32) -> UnsafeRawPointer? {
    answerExtension.flatMap { answer in name.withCString { answer($0, version) } }
  }

  /// Calls an entry point of an extension on this backend's object.
  func call<Arguments>(
    _ site: CallSite, _ arguments: inout Arguments, head: WritableKeyPath<Arguments, mezzo_call>
  ) throws(BackendError) {
    try Self.call(backend: id, { site(object, $0) }, &arguments, head: head)
  }

  func pack(_ arguments: inout mezzo_pack_args) throws(BackendError) {
    guard let pack = entries.pack else {
      throw BackendError(backend: id, kind: .invalid, message: "it asked for a packed operand but has no pack function")
    }
    try Self.call(backend: id, { pack(object, $0) }, &arguments, head: \.h)
  }

  func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status { entries.execute(object, frame) }

  func release(_ plan: UnsafeMutableRawPointer?) {
    var arguments = mezzo_release_args()
    arguments.plan = plan
    // Nobody is left who could act on a failure to release.
    try? Self.call(backend: id, { entries.release(object, $0) }, &arguments, head: \.h)
  }

  /// Calls with an error buffer in place, and turns a status into a typed error.
  private static func call<Arguments>(
    backend: String, _ entry: (UnsafeMutablePointer<Arguments>) -> mezzo_status, _ arguments: inout Arguments,
    head: WritableKeyPath<Arguments, mezzo_call>
  ) throws(BackendError) {
    let failure: BackendError? = ErrorBuffer.with { buffer in
      arguments[keyPath: head] = mezzo_call(
        struct_size: UInt32(MemoryLayout<Arguments>.size), flags: 0, err: buffer.pointer, next: nil)
      let status = entry(&arguments)
      return status == mezzo_status(MEZZO_OK) ? nil : buffer.error(status, backend: backend)
    }
    if let failure { throw failure }
  }
}
