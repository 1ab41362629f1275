import MezzoPolicy

/// Which build a backend is, found when somebody asks and then kept.
final class BuildIdentity: Sendable {
  private let find: @Sendable () -> String
  private let known = Locked<String?>(nil)

  init(_ find: @escaping @Sendable () -> String) { self.find = find }

  var text: String {
    known.withLock { known in
      let text = known ?? find()
      known = text
      return text
    }
  }

  /// Of a library: its build id, which the linker made of the content; without one, the hash of the file.
  static func of(library path: String) -> String {
    if let id = ELFFile(path)?.buildID { return "build-id:\(id.prefix(16))" }
    return Digest(file: path).map { "sha256:\($0.description.prefix(16))" } ?? "unknown"
  }

  /// Of a manifest and of the library that the dynamic loader finds for it.
  static func of(_ manifest: Manifest) -> String {
    let library = manifest.libraryPath.map { of(library: $0) } ?? "unknown"
    return "sha256:\(manifest.digest.description.prefix(16)) \(library)"
  }
}

extension Manifest {
  /// The first of its libraries that is there.
  var libraryPath: String? {
    library.names.lazy.compactMap { LibrarySearch.path(of: ForeignLibrary.path($0, of: path)) }.first
  }
}
