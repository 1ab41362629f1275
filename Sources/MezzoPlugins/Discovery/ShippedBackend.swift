import MezzoBackend

/// The backend of a manifest that comes with Mezzo, whose library is there and is opened by its first operation.
///
/// It is known from the manifest and from the library's file, so that a program which never uses it has nothing of it but its
/// rules: no threads, no memory, no time.
final class ShippedBackend: BackendOnDemand {
  let id: String
  let version: String
  let origin: String
  let rules: [Rule]
  let droppedRules: [(rule: Rule, reason: String)]
  let libraries: [String]

  var fingerprint: String { build.text }
  var codeIdentity: String? { backend.codeIdentity }
  var isOpen: Bool { backend.isOpen }

  private let manifest: Manifest
  private let build: BuildIdentity
  private let backend: OnDemand

  /// Why a manifest is no backend on this machine.
  struct Refusal: Error {
    var reason: String
    /// Its library is not installed, which is no fault.
    var isAbsent: Bool
  }

  /// - Parameter outcome: of a probe on this machine, which measured what the rules cost.
  init(_ manifest: Manifest, _ outcome: ProbeOutcome? = nil) throws(Refusal) {
    if let missing = manifest.library.requires.missing { throw Refusal(reason: missing, isAbsent: true) }
    guard let path = manifest.libraryPath else {
      let names = manifest.library.names.joined(separator: ", ")
      throw Refusal(
        reason: "none of its libraries is installed where the dynamic loader looks: \(names)", isAbsent: true)
    }
    self.manifest = manifest
    id = manifest.id
    version = manifest.version
    origin = path
    let (ready, dropped) = Self.rules(of: manifest, in: path)
    if case .passed(let verdict)? = outcome { rules = verdict.measured(ready) } else { rules = ready }
    droppedRules = dropped
    libraries = [path] + LibraryNeeds.all(of: path)
    build = BuildIdentity { BuildIdentity.of(manifest) }
    backend = OnDemand { Self.open(manifest, path) }
  }

  /// Those whose symbols the library has, as far as its file tells; the others wait for the library to be opened.
  private static func rules(
    of manifest: Manifest, in path: String
  ) -> (ready: [Rule], dropped: [(rule: Rule, reason: String)]) {
    let optional = manifest.bindings.filter(\.isOptional)
    let suffixes = manifest.linking.suffixes
    let wanted = Set(optional.flatMap(\.calls).flatMap { call in suffixes.map { call.symbol + $0 } })
    guard !wanted.isEmpty, let present = ELFFile(path)?.exports(wanted) else { return (manifest.rules, []) }
    var ready: [Rule] = []
    var dropped: [(rule: Rule, reason: String)] = []
    for binding in manifest.bindings {
      let missing = binding.calls.first { call in !suffixes.contains { present.contains(call.symbol + $0) } }
      if let missing, binding.isOptional {
        dropped.append(
          (binding.rule, ForeignLibrary.missing(missing.symbol, in: path, suffixes: manifest.linking.suffixes)))
      } else {
        ready.append(binding.rule)
      }
    }
    return (ready, dropped)
  }

  private static func open(_ manifest: Manifest, _ path: String) -> Result<any Backend, BackendError> {
    LoaderTrace.write("opening \(manifest.id) with \(path), for its first operation")
    do throws(BackendError) {
      return .success(try ManifestBackend(manifest))
    } catch {
      LoaderTrace.write("\(manifest.id): \(error.message)")
      // An operation that it does not get goes to another one.
      return .failure(BackendError(backend: manifest.id, kind: .declined(.symbol), message: error.message))
    }
  }

  func callKind(of rule: Rule) -> CallKind { manifest.callKind(of: rule) }

  func prepare(_ request: OperationRequest, rule: Rule, threads: Int) throws(BackendError) -> any PreparedOperation {
    try backend.get().prepare(request, rule: rule, threads: threads)
  }
}
