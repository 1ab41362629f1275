public import MezzoBackend

/// The backend that a manifest describes: its library opened, its symbols found, its calls made through libffi.
public final class ManifestBackend: Backend {
  public let manifest: Manifest
  public let id: String
  public let version: String
  public let origin: String
  public let rules: [Rule]
  /// Rules of the manifest that this machine's library cannot serve, with the reason.
  public let droppedRules: [(rule: Rule, reason: String)]

  /// Reads the manifest at `path`, opens its library and looks up its symbols.
  public convenience init(file path: String) throws(BackendError) {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    do throws(ManifestError) {
      try self.init(try Manifest(parsing: "", path: path))
    } catch {
      throw BackendError(backend: name, kind: .unloadable, message: error.description)
    }
  }

  init(_ manifest: Manifest) throws(ManifestError) {
    self.manifest = manifest
    id = manifest.id
    version = manifest.version
    origin = manifest.path
    rules = manifest.rules
    droppedRules = []
  }

  public func prepare(
    _ request: OperationRequest, rule: Rule, threads: Int
  ) throws(BackendError) -> any PreparedOperation {
    throw BackendError(backend: id, kind: .declined(.operation), message: "its calls cannot be made by this build")
  }
}
