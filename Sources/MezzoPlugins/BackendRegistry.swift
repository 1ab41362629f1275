import Logging
public import MezzoBackend

/// The backends of a program: those that are ready, and those that were refused, each with its reason.
public struct BackendRegistry: Sendable {
  public private(set) var entries: [Entry] = []

  public struct Entry: Sendable {
    /// The backend's id, or the name of its file where it never said one.
    public var name: String
    /// Where it was looked for.
    public var path: String
    public var state: State
    /// Why it may be loaded; `nil` where the question did not come up.
    public var trust: Trust?
    /// What its probe found wrong: it is in quarantine.
    public var failure: ProbeFailure?
    /// What else there is to know, such as a second pool of threads.
    public var notes: [String] = []

    public var isReady: Bool {
      if case .ready = state { true } else { false }
    }
  }

  public enum State: Sendable {
    case ready(any Backend)
    case refused(reason: String)
  }

  /// Only the backends that are handed over, in this order.
  public init(_ backends: [any Backend] = []) {
    for backend in backends { register(backend) }
  }

  /// The backends that can compute, in the order in which they were registered.
  public var backends: [any Backend] {
    entries.compactMap { if case .ready(let backend) = $0.state { backend } else { nil } }
  }

  public var refused: [(name: String, path: String, reason: String)] {
    entries.compactMap { if case .refused(let reason) = $0.state { ($0.name, $0.path, reason) } else { nil } }
  }

  public mutating func register(_ backend: any Backend) { register(backend, trust: nil, notes: []) }

  private mutating func register(_ backend: any Backend, trust: Trust?, notes: [String]) {
    if let first = entries.first(where: { $0.name == backend.id && $0.isReady }) {
      refuse(
        backend.id, at: backend.origin, "there is already a backend \(backend.id), from \(first.path); ids are unique",
        trust: trust)
    } else {
      entries.append(
        Entry(name: backend.id, path: backend.origin, state: .ready(backend), trust: trust, notes: notes))
    }
  }

  /// Registers the backend in a library or a manifest; if that fails, the entry says why and the program goes on.
  ///
  /// To name a file is to trust it. It is tried in a process of its own first.
  /// - Parameter isProbed: `false` opens it in this process at once; if it crashes, so does the program.
  public mutating func load(library path: String, expecting name: String? = nil, isProbed: Bool = true) {
    if isProbed {
      add(Discovery.standard.examine([SearchPath.File(path: path, isNamed: true)]), expecting: name)
      return
    }
    open(path, expecting: name, trust: .named)
  }

  private mutating func open(_ path: String, expecting name: String?, trust: Trust) {
    let before = ThreadRuntimes.names(in: LoadedLibraries.paths())
    do throws(BackendError) {
      let backend = try BackendFile.open(path)
      var notes: [String] = []
      let after = ThreadRuntimes.names(in: LoadedLibraries.paths())
      if case .warning(let text)? = ThreadRuntimes.clash(after, with: before) { notes.append(text) }
      register(backend, trust: trust, notes: notes)
    } catch {
      refuse(name ?? error.backend, at: path, error.message, trust: trust)
    }
  }

  private mutating func add(_ findings: [Discovery.Finding], expecting name: String? = nil) {
    for finding in findings {
      switch finding.result {
      case .failure(let refusal):
        refuse(
          name ?? finding.name, at: finding.path, refusal.reason, trust: finding.trust, failure: refusal.failure)
      case .success(let backend):
        let runtimes = ThreadRuntimes.names(in: backend.verdict.libraries)
        switch ThreadRuntimes.clash(runtimes, with: threadRuntimes) {
        case .fatal(let reason): refuse(backend.id, at: finding.path, reason, trust: finding.trust)
        case .warning(let note): register(backend, trust: finding.trust, notes: notes(backend) + [note])
        case nil: register(backend, trust: finding.trust, notes: notes(backend))
        }
      }
    }
  }

  /// Those of this process, and those that come with backends that are not open yet.
  private var threadRuntimes: Set<String> {
    let pending = backends.compactMap { $0 as? LazyBackend }.flatMap(\.verdict.libraries)
    return ThreadRuntimes.names(in: LoadedLibraries.paths() + pending)
  }

  private func notes(_ backend: LazyBackend) -> [String] {
    backend.verdict.untestedRules.isEmpty
      ? []
      : [
        "left out, since no golden test fits them: \(backend.verdict.untestedRules.joined(separator: ", "))"
      ]
  }

  /// Opens the library of a manifest and registers its backend; if that fails, the entry says why and the program goes on.
  public mutating func load(_ manifest: Manifest) {
    do throws(BackendError) {
      register(try ManifestBackend(manifest))
    } catch {
      refuse(manifest.id, at: manifest.path, error.message)
    }
  }

  /// Registers everything on the search path, and then the backends of `bundled` from beside the program.
  ///
  /// `MEZZO_BACKENDS` filters by id: `only:a,b` keeps those, `-a,-b` leaves those out.
  public mutating func discover(bundled: [Bundled]) {
    discover(
      bundled: bundled, path: Environment.value("MEZZO_BACKEND_PATH"), choice: Environment.value("MEZZO_BACKENDS"),
      folders: SearchPath.folders, with: .standard)
  }

  mutating func discover(
    bundled: [Bundled], path: String?, choice: String?, folders: [String], with discovery: Discovery
  ) {
    let configured = SearchPath.configured(path ?? "")
    for (path, reason) in configured.refused { refuse(path, at: path, reason) }
    var files = configured.files
    for folder in folders {
      let found = SearchPath.backends(in: folder) ?? []
      LoaderTrace.write("\(folder): \(found.count) files")
      files += found
    }
    var seen: Set<String> = []
    add(discovery.examine(files.filter { seen.insert($0.path).inserted }))
    for plugin in bundled where !entries.contains(where: { $0.name == plugin.id && $0.isReady }) {
      guard let path = SearchPath.bundled(plugin.product) else { continue }
      if LibraryFile.exists(path) {
        open(path, expecting: plugin.id, trust: .builtIn)
      } else {
        refuse(plugin.id, at: path, "\(path) does not exist; \(plugin.advice)")
      }
    }
    filter(choice)
  }

  /// A backend that comes with Mezzo as a product of its own.
  public struct Bundled: Sendable {
    public var id: String
    public var product: String
    /// What to do where the library is not there.
    public var advice: String

    public init(id: String, product: String, advice: String) {
      self.id = id
      self.product = product
      self.advice = advice
    }
  }

  private mutating func filter(_ text: String?) {
    guard let text else { return }
    let only = text.hasPrefix("only:") ? Set(text.dropFirst(5).split(separator: ",").map(String.init)) : nil
    let without = Set(text.split(separator: ",").filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) })
    let known = Set(entries.map(\.name))
    let named = (only ?? []).union(without)
    if named.isEmpty || !named.isSubset(of: known) {
      Logger(label: "mezzo.backends").warning(
        "MEZZO_BACKENDS=\(text) should be only:ID,… or -ID,… with the ids \(known.sorted().joined(separator: ", "))")
    }
    for index in entries.indices where entries[index].isReady && entries[index].path != "linked into the program" {
      let name = entries[index].name
      if without.contains(name) || only.map({ !$0.contains(name) }) ?? false {
        entries[index].state = .refused(reason: "left out by MEZZO_BACKENDS=\(text)")
      }
    }
  }

  private mutating func refuse(
    _ name: String, at path: String, _ reason: String, trust: Trust? = nil, failure: ProbeFailure? = nil
  ) {
    entries.append(Entry(name: name, path: path, state: .refused(reason: reason), trust: trust, failure: failure))
    Logger(label: "mezzo.backends").notice("backend \(name) refused: \(reason)")
  }
}
