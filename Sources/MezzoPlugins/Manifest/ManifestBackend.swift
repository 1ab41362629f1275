import CMezzoFFI
public import MezzoBackend

/// The backend that a manifest describes: its library opened, its symbols found, its calls made through libffi.
public final class ManifestBackend: Backend, @unchecked Sendable {
  // Sound to share: everything is set in init; the functions are C functions of a library that is never closed.
  public let manifest: Manifest
  public let id: String
  public let version: String
  public let origin: String
  public let rules: [Rule]
  /// Rules of the manifest that this machine's library cannot serve, with the reason.
  public let droppedRules: [(rule: Rule, reason: String)]

  /// What the library calls BLAS's integer.
  let blasint: CType
  let threadSetter: ThreadSetter?
  private let functions: [String: ForeignLibrary.Function]
  private let build: BuildIdentity

  public var fingerprint: String { build.text }

  /// A library may pack by its settings, its threads or what it loads, of which a manifest tells nothing.
  public var codeIdentity: String? { nil }

  /// Reads the manifest at `path`, opens its library and looks up its symbols.
  public convenience init(file path: String) throws(BackendError) {
    let manifest: Manifest
    do throws(ManifestError) {
      manifest = try Manifest(parsing: try ManifestFile.text(path), path: path)
    } catch {
      let name = path.split(separator: "/").last.map(String.init) ?? path
      throw BackendError(backend: name, kind: .unloadable, message: error.description)
    }
    try self.init(manifest)
  }

  /// Opens the library of a manifest that was read before.
  public init(_ manifest: Manifest) throws(BackendError) {
    func refuse(_ message: String) -> BackendError {
      BackendError(backend: manifest.id, kind: .unloadable, message: message)
    }
    self.manifest = manifest
    id = manifest.id
    version = manifest.version
    origin = manifest.path
    build = BuildIdentity { BuildIdentity.of(manifest) }
    // Before the library's own code runs, which may use what the processor lacks.
    if let missing = manifest.library.requires.missing { throw refuse(missing) }
    let library = try ForeignLibrary(manifest)
    switch manifest.linking.blasint {
    case .i32?: blasint = .i32
    case .i64?: blasint = .i64
    case .isamax?:
      guard let found = BlasIntegerProbe.isamax(library) else {
        throw refuse("\(library.missing("isamax_")), by which the width of its integers would be found")
      }
      blasint = found
    case nil: blasint = .i32
    }
    var functions: [String: ForeignLibrary.Function] = [:]
    var ready: [Rule] = []
    var dropped: [(rule: Rule, reason: String)] = []
    for binding in manifest.bindings {
      for call in binding.calls { functions[call.symbol] = functions[call.symbol] ?? library.function(call.symbol) }
      guard let call = binding.calls.first(where: { functions[$0.symbol] == nil }) else {
        ready.append(binding.rule)
        continue
      }
      let reason = library.missing(call.symbol)
      guard binding.isOptional else {
        throw refuse("\(reason); rule \(binding.rule.name) needs it, unless it says optional = true")
      }
      dropped.append((binding.rule, reason))
    }
    for call in manifest.linking.start {
      guard let function = library.function(call.symbol) else { throw refuse(library.missing(call.symbol)) }
      functions[call.symbol] = function
    }
    self.functions = functions
    rules = ready
    droppedRules = dropped
    if let symbol = manifest.library.threads.set {
      guard let function = library.function(symbol) else { throw refuse(library.missing(symbol)) }
      threadSetter = ThreadSetter(
        function, type: manifest.linking.threadType.resolved(blasint: blasint),
        isPerThread: manifest.library.threads.scope == .thread)
    } else {
      threadSetter = nil
    }
    try start()
  }

  func function(_ symbol: String) -> ForeignLibrary.Function? { functions[symbol] }

  public func callKind(of rule: Rule) -> CallKind { manifest.callKind(of: rule) }

  public func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    guard manifest.bindings.indices.contains(rule.index), rules.contains(where: { $0.index == rule.index }) else {
      throw BackendError(
        backend: id, kind: .declined(.operation),
        message: droppedRules.first { $0.rule.index == rule.index }?.reason ?? "it has no rule \(rule.name)")
    }
    return try ManifestOperation(request, manifest.bindings[rule.index], backend: self, threads: threads)
  }

  /// The calls that make the library ready.
  private func start() throws(BackendError) {
    let arena = ForeignArena()
    let compiler = CallCompiler(backend: self, rule: "start", arena: arena, threads: 1)
    for call in manifest.linking.start {
      do throws(BackendError) {
        var plan = try compiler.plan(call)
        var result = mezzo_ffi_result()
        let status = Int(mezzo_ffi_invoke(&plan, [nil], nil, 0, &result))
        guard status == MEZZO_FFI_DONE else {
          throw Self.failure(id, call, returned: mezzo_ffi_integer(plan.returns, &result), isDecline: false)
        }
      } catch {
        throw BackendError(backend: id, kind: .unloadable, message: "its library does not start: \(error.message)")
      }
    }
  }

  /// `dnnl_sgemm returned 3, expected ret == 0`
  static func failure(_ backend: String, _ call: Call, returned: Int64, isDecline: Bool) -> BackendError {
    if isDecline {
      return BackendError(
        backend: backend, kind: .declined(.limit),
        message: "\(call.symbol) returned \(returned), by which the library says that it does not support this")
    }
    return BackendError(
      backend: backend, kind: .failed(status: Int32(truncatingIfNeeded: returned)),
      message: "\(call.symbol) returned \(returned), expected \(call.status?.text ?? "another result")")
  }
}

extension Manifest {
  func callKind(of rule: Rule) -> CallKind {
    let binding = bindings.indices.contains(rule.index) ? bindings[rule.index] : nil
    return .foreign(arguments: binding?.run.first?.arguments.count ?? 0)
  }
}

extension Manifest.Requirements {
  /// What this machine lacks, `nil` if nothing.
  public var missing: String? {
    if !os.isEmpty && !os.contains(Self.currentOS) {
      return "expected one of the systems \(os.joined(separator: ", ")), found \(Self.currentOS)"
    }
    if !arch.isEmpty && !arch.contains(Self.currentArchitecture) {
      return "expected one of the processors \(arch.joined(separator: ", ")), found \(Self.currentArchitecture)"
    }
    let absent = cpu.filter { !ProcessorFeatures.has($0) }
    return absent.isEmpty ? nil : "expected a processor with \(absent.joined(separator: ", ")), which this one lacks"
  }

  private static var currentOS: String {
    #if os(macOS)
      "macos"
    #elseif os(Linux)
      "linux"
    #elseif os(FreeBSD)
      "freebsd"
    #elseif os(Windows)
      "windows"
    #else
      "another"
    #endif
  }

  private static var currentArchitecture: String {
    #if arch(x86_64)
      "x86_64"
    #elseif arch(arm64)
      "aarch64"
    #elseif arch(riscv64)
      "riscv64"
    #elseif arch(powerpc64le)
      "ppc64le"
    #elseif arch(s390x)
      "s390x"
    #else
      "another"
    #endif
  }
}
