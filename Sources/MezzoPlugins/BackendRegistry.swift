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
    /// It takes no part and nothing is wrong: what it needs is not on this machine, or it was left out.
    public var isAbsent = false
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

  /// Of backends that are part of Mezzo itself: no other one can have them.
  package static let reservedIDs: Set<String> = ["builtin"]

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

  /// Those of the refused with which something is wrong.
  public var faults: [(name: String, reason: String)] {
    entries.compactMap {
      if case .refused(let reason) = $0.state, !$0.isAbsent { ($0.name, reason) } else { nil }
    }
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
    let before = threadRuntimes
    if case .fatal(let reason)? = ThreadRuntimes.clash(
      ThreadRuntimes.names(in: LibraryNeeds.all(of: path)), with: before)
    {
      return refuse(name ?? path, at: path, reason, trust: trust)
    }
    do throws(BackendError) {
      let backend = try BackendFile.open(path)
      var notes: [String] = []
      // What it opens by itself stands in no header.
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
      case .success(let backend): add(backend, trust: finding.trust, notes: notes(backend))
      }
    }
  }

  private mutating func add(_ backend: any BackendOnDemand, trust: Trust?, notes: [String] = []) {
    let runtimes = ThreadRuntimes.names(in: backend.libraries)
    switch ThreadRuntimes.clash(runtimes, with: threadRuntimes) {
    case .fatal(let reason): return refuse(backend.id, at: backend.origin, reason, trust: trust)
    case .warning(let note): register(backend, trust: trust, notes: notes + [note])
    case nil: register(backend, trust: trust, notes: notes)
    }
    ThreadRuntimes.spinBriefly(runtimes)
  }

  /// Registers the backends of manifests that come with Mezzo, whose libraries are opened by their first operations.
  private mutating func register(shipped manifests: [Manifest], with discovery: Discovery) {
    for manifest in manifests where !entries.contains(where: { $0.name == manifest.id && $0.isReady }) {
      do throws(ShippedBackend.Refusal) {
        let outcome = discovery.knownOutcome(manifest)
        if case .failed(let failure)? = outcome {
          let advice = "It is tried again by 'mezzo backend measure \(manifest.id)'"
          refuse(
            manifest.id, at: manifest.path, "in quarantine: \(failure). \(advice)", trust: .builtIn, failure: failure)
          continue
        }
        let backend = try ShippedBackend(manifest, outcome)
        if let reason = Manifest.triedFirst[manifest.id], outcome == nil {
          let advice = "it takes part once 'mezzo backend measure \(manifest.id)' has tried it on this machine"
          throw ShippedBackend.Refusal(reason: "\(reason); \(advice)", isAbsent: true)
        }
        add(backend, trust: .builtIn)
      } catch {
        entries.append(
          Entry(
            name: manifest.id, path: manifest.path, state: .refused(reason: error.reason), trust: .builtIn,
            isAbsent: error.isAbsent))
        LoaderTrace.write("\(manifest.id): \(error.reason)")
      }
    }
  }

  /// Backends that come with Mezzo and whose libraries are there, but which take part only once they were measured.
  public var waiting: [(id: String, reason: String)] {
    refused.compactMap { entry in
      guard Manifest.triedFirst[entry.name] != nil,
        Manifest.shipped.first(where: { $0.id == entry.name })?.libraryPath != nil
      else { return nil }
      return (entry.name, entry.reason)
    }
  }

  /// The OpenMP runtimes that are in this process, by the names of their libraries.
  public static var threadRuntimes: [String] { ThreadRuntimes.names(in: LoadedLibraries.paths()).sorted() }

  /// Those of this process, and those that come with backends that are not open yet.
  private var threadRuntimes: Set<String> {
    let pending = backends.compactMap { $0 as? any BackendOnDemand }.flatMap(\.libraries)
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

  /// Registers everything on the search path, then the backends of `bundled` from beside the program, and those of the
  /// manifests that come with Mezzo, as far as their libraries are installed.
  ///
  /// `MEZZO_BACKENDS` chooses, as ``choose(_:)`` does.
  public mutating func discover(bundled: [Bundled]) {
    discover(
      bundled: bundled, shipped: Manifest.shipped, path: Environment.value("MEZZO_BACKEND_PATH"),
      choice: Environment.value("MEZZO_BACKENDS"), folders: SearchPath.folders, with: .standard)
  }

  mutating func discover(
    bundled: [Bundled], shipped: [Manifest] = [], path: String?, choice: String?, folders: [String],
    with discovery: Discovery
  ) {
    let configured = SearchPath.configured(path ?? "")
    for (path, reason) in configured.refused { refuse(path, at: path, reason) }
    var files = configured.files
    for folder in folders {
      let found = SearchPath.backends(in: folder) ?? []
      LoaderTrace.write("\(folder): \(found.count) files")
      files += found
    }
    if let problem = discovery.approved.problem { Logger(label: "mezzo.backends").warning("\(problem)") }
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
    register(shipped: shipped, with: discovery)
    if let choice { filter(choice, name: "MEZZO_BACKENDS=") }
  }

  /// Leaves backends out by their ids: `only:a,b` keeps those and what is linked in, `-a,-b` leaves those out.
  public mutating func choose(_ text: String) { filter(text, name: "the choice ") }

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

  private mutating func filter(_ text: String, name: String) {
    let only = text.hasPrefix("only:") ? Set(text.dropFirst(5).split(separator: ",").map(String.init)) : nil
    let without = Set(text.split(separator: ",").filter { $0.hasPrefix("-") }.map { String($0.dropFirst()) })
    let known = Set(entries.map(\.name))
    let named = (only ?? []).union(without)
    if named.isEmpty || !named.isSubset(of: known) {
      Logger(label: "mezzo.backends").warning(
        "\(name)\(text) should be only:ID,… or -ID,… with the ids \(known.sorted().joined(separator: ", "))")
    }
    for index in entries.indices where entries[index].isReady && entries[index].path != "linked into the program" {
      let id = entries[index].name
      if without.contains(id) || only.map({ !$0.contains(id) }) ?? false {
        entries[index].state = .refused(reason: "left out by \(name)\(text)")
        entries[index].isAbsent = true
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
