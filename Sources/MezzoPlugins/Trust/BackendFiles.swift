public import MezzoBackend
import MezzoFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What users decide about files of backends: which may be loaded, and which are tried again.
public enum BackendFiles {
  /// A file, as far as it can be known without running any of its code.
  public struct Description: Sendable {
    public var path: String
    public var sha256: String
    public var trust: Trust
    /// The rules that a manifest states, each with what it binds; a library is asked for its rules only when it is probed.
    public var rules: [String]
    /// The libraries that a manifest opens.
    public var libraries: [String]
  }

  /// Looks at a library or a manifest.
  public static func describe(_ path: String) throws(BackendError) -> Description {
    let file = try BackendFile(absolute(path))
    return Description(
      path: file.path, sha256: file.digest.description, trust: Discovery.standard.trust(in: file),
      rules: file.manifest?.rules.map(\.description) ?? [], libraries: file.manifest?.library.names ?? [])
  }

  /// Lets this version of a file be loaded wherever it is found on the search path: its hash goes to `trust.toml`.
  /// - Returns: the path of that file.
  @discardableResult
  public static func approve(_ path: String) throws(BackendError) -> String {
    let file = try BackendFile(absolute(path))
    let approved = TrustFile.standard
    do throws(FileError) {
      try approved.approve(file)
    } catch {
      throw BackendError(backend: file.name, kind: .failed(status: 0), message: error.description)
    }
    return approved.path ?? ""
  }

  /// What is wrong with `trust.toml`, with its path and line; `nil` where it is whole or not there.
  public static var trustProblem: String? { TrustFile.standard.problem }

  /// A rule's cost, as it was declared and as it was measured here.
  public struct Cost: Sendable, Codable, Hashable {
    public var rule: String
    /// Nanoseconds of one operation: as declared, and as measured beside the built-in backend, whose declared costs are the
    /// measure of both.
    public var declared, measured: Double
  }

  /// Tries a backend of the manifests that come with Mezzo in a process of its own, and keeps what its rules cost on this
  /// machine: routes go by that from now on, in each program that starts.
  /// - Throws: `BackendError` where there is no such backend, or it cannot be tried, or does not do what its rules say.
  public static func measure(_ id: String) throws(BackendError) -> [Cost] {
    try measure(id, with: .standard)
  }

  /// The id of the manifest, among those that come with Mezzo, that one of the paths of ``forget(_:)`` stands for.
  public static func shippedID(_ path: String) -> String? { BackendFile.shippedID(path) }

  static func measure(_ id: String, with discovery: Discovery) throws(BackendError) -> [Cost] {
    func refuse(_ message: String) -> BackendError { BackendError(backend: id, kind: .unloadable, message: message) }
    guard let manifest = Manifest.shipped.first(where: { $0.id == id }) else {
      throw refuse(
        "expected one of \(Manifest.shipped.map(\.id).joined(separator: ", ")), whose manifests come with Mezzo; other "
          + "backends are measured when they are probed")
    }
    let file = BackendFile(shipped: manifest)
    discovery.cache.removeAll { $0.file == file.path }
    switch discovery.outcome(file) {
    case .failure(let missing): throw refuse("it cannot be tried: \(missing.message)")
    case .success(.declined(let reason)): throw refuse(reason)
    case .success(.failed(let failure)): throw refuse("\(failure)")
    case .success(.passed(let verdict)):
      return verdict.costs.map { Cost(rule: $0.rule, declared: $0.declared, measured: $0.measured) }
    }
  }

  /// Forgets what probes found about a file or about the backend with this id, so that it is probed again.
  /// - Returns: the files that there was a verdict about.
  public static func forget(_ idOrPath: String) -> [String] {
    let path = absolute(idOrPath)
    return VerdictCache.standard.removeAll { entry in
      let id: String? =
        switch entry.outcome {
        case .passed(let verdict): verdict.id
        case .failed(let failure): failure.id
        case .declined: nil
        }
      let last = entry.file.split(separator: "/").last.map(String.init)
      return [id, last].contains(idOrPath) || entry.file == path
    }
  }

  /// The same where there is no such file.
  private static func absolute(_ path: String) -> String {
    guard let resolved = realpath(path, nil) else { return path }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
