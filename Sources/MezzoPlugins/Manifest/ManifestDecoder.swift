import MezzoBackend

/// Turns the tables of a manifest into what `Manifest` holds.
struct ManifestDecoder {
  private(set) var id = ""
  private(set) var version = ""
  private(set) var summary: String?
  private(set) var license: String?
  private(set) var library = Manifest.Library(names: [], requires: .init(), threads: .init())
  private(set) var linking = Linking()
  private(set) var bindings: [Binding] = []

  /// How a library is opened and spoken to, beyond what others need to know of it.
  struct Linking: Sendable {
    /// What the library calls BLAS's integer, if it is known.
    var blasint: BlasInteger?
    /// Tried behind every symbol, in this order.
    var suffixes = [""]
    var halfIsInteger = false
    var threadType = CType.i32
    /// Once, after the library is opened.
    var start: [Call] = []
  }

  enum BlasInteger: String, Sendable, CaseIterable { case i32, i64, isamax }
  private enum HalfConvention: String, CaseIterable { case native, u16 }
  private enum OperatingSystem: String, CaseIterable { case linux, macos, freebsd, windows }
  private enum Architecture: String, CaseIterable { case x86 = "x86_64", aarch64, riscv64, ppc64le, s390x }

  private static let bindLimit = 256
  private static let callLimit = 16

  init(_ root: TOMLTable) throws(TOMLError) {
    let fields = try ManifestFields(root, "a manifest", known: ["manifest", "backend", "library", "const", "bind"])
    guard fields.value("manifest") != nil else {
      throw fields.missing("manifest = 1", "the version of the language it is written in")
    }
    _ = try fields.integer("manifest", in: 1...1)
    try readBackend(fields)
    try readLibrary(fields)
    let constants = try Constants(fields.table("const"))
    try readStart(fields, constants)
    let binds = try fields.tables("bind", limit: Self.bindLimit)
    guard !binds.isEmpty else { throw fields.missing("[[bind]]", "at least one operation") }
    for (index, table) in binds.enumerated() {
      let decoder = BindingDecoder(constants: constants, linking: linking, threads: library.threads, index: index)
      let binding = try decoder.binding(table)
      guard !bindings.contains(where: { $0.rule.name == binding.rule.name }) else {
        throw TOMLError(
          position: table["name"]?.value.position ?? table.position,
          message: "expected a name of its own for each binding, found \(binding.rule.name) twice")
      }
      bindings.append(binding)
    }
  }

  private mutating func readBackend(_ root: ManifestFields) throws(TOMLError) {
    guard let table = try root.table("backend") else { throw root.missing("[backend]", "its id and version") }
    let fields = try ManifestFields(table, "[backend]", known: ["id", "version", "license", "summary"])
    let (text, position) = try fields.required("id", "the name that routes and messages use")
    guard ManifestFields.isName(text.text, also: "-."), text.text.utf8.count <= 64 else {
      throw TOMLError(
        position: position,
        message: "expected an id of at most 64 letters, digits, '-', '_' and '.', found '\(text.text)'")
    }
    guard !BackendRegistry.reservedIDs.contains(text.text) else {
      throw TOMLError(
        position: position, message: "expected an id of its own, found '\(text.text)', which is part of Mezzo")
    }
    id = text.text
    version = try fields.required("version", "of the library that it is written for").string.text
    summary = try fields.string("summary")
    license = try fields.string("license")
  }

  private mutating func readLibrary(_ root: ManifestFields) throws(TOMLError) {
    guard let table = try root.table("library") else { throw root.missing("[library]", "which library it binds") }
    let fields = try ManifestFields(
      table, "[library]",
      known: ["names", "requires", "probe", "blasint", "suffixes", "half", "threads", "start"])
    guard let names = try fields.strings("names"), !names.isEmpty else {
      throw fields.missing("names", "file names of the library, as [\"libopenblas.so.0\"]")
    }
    for (name, position) in names where name.isEmpty || name.utf8.contains(0) || name.utf8.count > 1024 {
      throw TOMLError(position: position, message: "expected the file name of a library, found '\(name)'")
    }
    library.names = names.map(\.text)
    if let table = try fields.table("requires") { library.requires = try requirements(table) }
    if let table = try fields.table("threads") { try readThreads(table) }
    if let table = try fields.table("probe") {
      linking.blasint = try ManifestFields(table, "probe", known: ["blasint"]).choice("blasint", BlasInteger.self)
    }
    if let blasint = try fields.choice("blasint", BlasInteger.self) { linking.blasint = blasint }
    linking.halfIsInteger = try fields.choice("half", HalfConvention.self) == .u16
    if let suffixes = try fields.strings("suffixes") {
      for (suffix, position) in suffixes where !suffix.isEmpty && !ManifestFields.isName(suffix) {
        throw TOMLError(position: position, message: "expected the end of a C symbol, found '\(suffix)'")
      }
      linking.suffixes = suffixes.isEmpty ? [""] : suffixes.map(\.text)
    }
  }

  private func requirements(_ table: TOMLTable) throws(TOMLError) -> Manifest.Requirements {
    let fields = try ManifestFields(table, "requires", known: ["os", "arch", "cpu"])
    var requirements = Manifest.Requirements()
    for (name, position) in try fields.strings("os") ?? [] {
      let system: OperatingSystem = try ManifestFields.word(name, "os", at: position)
      requirements.os.append(system.rawValue)
    }
    for (name, position) in try fields.strings("arch") ?? [] {
      let architecture: Architecture = try ManifestFields.word(name, "arch", at: position)
      requirements.arch.append(architecture.rawValue)
    }
    for (name, position) in try fields.strings("cpu") ?? [] {
      guard ManifestFields.isName(name) else {
        throw TOMLError(position: position, message: "expected a processor's feature, as avx2, found '\(name)'")
      }
      requirements.cpu.append(name)
    }
    return requirements
  }

  private mutating func readThreads(_ table: TOMLTable) throws(TOMLError) {
    let fields = try ManifestFields(table, "threads", known: ["model", "scope", "set", "set_type"])
    guard let model = try fields.choice("model", Manifest.Threads.Model.self) else {
      throw fields.missing("model", "whose threads the library computes on")
    }
    library.threads.model = model
    library.threads.scope = try fields.choice("scope", Manifest.Threads.Scope.self) ?? .process
    if let (symbol, position) = try fields.text("set") {
      guard ManifestFields.isName(symbol.text) else {
        throw TOMLError(position: position, message: "expected a C symbol, found '\(symbol.text)'")
      }
      library.threads.set = symbol.text
    }
    if let type = try fields.choice("set_type", CType.self) {
      guard type.isInteger else {
        throw TOMLError(
          position: table["set_type"]?.value.position ?? table.position,
          message: "expected a type of whole numbers for set_type, found \(type.rawValue)")
      }
      linking.threadType = type
    }
  }

  /// The calls that make the library ready know nothing of an operation.
  private mutating func readStart(_ root: ManifestFields, _ constants: Constants) throws(TOMLError) {
    guard let table = try root.table("library") else { return }
    let fields = try ManifestFields(table, "[library]", known: table.entries.map(\.key))
    for table in try fields.tables("start", limit: Self.callLimit) {
      let decoder = CallDecoder(scope: .init(constants: constants, linking: linking))
      linking.start.append(try decoder.call(table))
    }
  }
}

/// The names that `[const]` gives to values.
struct Constants: Sendable {
  private(set) var numbers: [String: RuleValue] = [:]
  private(set) var strings: [String: String] = [:]

  init(_ table: TOMLTable?) throws(TOMLError) {
    for entry in table?.entries ?? [] {
      guard ManifestFields.isName(entry.key), !("0"..."9").contains(entry.key.first ?? "0") else {
        throw TOMLError(
          position: entry.keyPosition,
          message: "expected a name of letters, digits and '_' that expressions can use, found '\(entry.key)'")
      }
      switch entry.value.content {
      case .integer(let value): numbers[entry.key] = .int(value)
      case .float(let value): numbers[entry.key] = .float(value)
      case .string(let value) where !value.text.utf8.contains(0): strings[entry.key] = value.text
      default:
        throw TOMLError(
          position: entry.value.position,
          message: "expected a number or a string for the constant \(entry.key), found \(entry.value.kind)")
      }
    }
  }
}
