package import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A library or a manifest on disk, as far as it can be known without running any of its code.
package struct BackendFile: Sendable {
  let path: String
  /// Of the manifest, or of the library.
  let name: String
  let requirements: Manifest.Requirements
  /// `nil` for a library.
  let manifest: Manifest?
  /// Of the content: of a manifest together with the library that lies beside it.
  let digest: Digest
  let stamp: FileStamp?

  static func isManifest(_ path: String) -> Bool { path.hasSuffix(".toml") }

  /// Looks at the file.
  package init(_ path: String) throws(BackendError) {
    self.path = path
    let last = path.split(separator: "/").last.map(String.init) ?? path
    func refuse(_ message: String) -> BackendError { BackendError(backend: last, kind: .unloadable, message: message) }
    stamp = FileStamp(path)
    if Self.isManifest(path) {
      let (text, manifest): (String, Manifest)
      do throws(ManifestError) {
        text = try ManifestFile.text(path)
        manifest = try Manifest(parsing: text, path: path)
      } catch {
        throw refuse(error.description)
      }
      self.manifest = manifest
      name = manifest.id
      requirements = manifest.library.requires
      // Libraries that the dynamic loader finds by name are the system's; one that comes with the manifest is part of it.
      let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
      let own = manifest.library.names.filter { $0.contains("/") }
        .compactMap { Digest(file: $0.hasPrefix("/") ? $0 : "\(folder)/\($0)")?.description }
      digest = Digest(text: ([text] + own).joined(separator: "\0"))
    } else {
      if let defect = LibraryFile.defect(at: path) { throw refuse(defect) }
      guard let digest = Digest(file: path) else {
        throw refuse("\(path) cannot be read: \(String(cString: strerror(errno)))")
      }
      self.digest = digest
      manifest = nil
      name = last
      requirements = LibraryFile.requirements(of: path)
    }
  }

  /// A manifest that is part of the program, under a path that no file has.
  init(shipped manifest: Manifest) {
    path = Self.shippedPrefix + manifest.id
    name = manifest.id
    requirements = manifest.library.requires
    digest = manifest.digest
    stamp = nil
    self.manifest = manifest
  }

  private static let shippedPrefix = "shipped:"

  /// The id in the path of a manifest that is part of the program.
  static func shippedID(_ path: String) -> String? {
    path.hasPrefix(shippedPrefix) ? String(path.dropFirst(shippedPrefix.count)) : nil
  }

  /// Looks at a file that is to be opened here: whether it is whole, and whether this machine has what it asks for.
  package static func look(at path: String) throws(BackendError) {
    let file = try BackendFile(path)
    guard let missing = file.requirements.missing else { return }
    throw BackendError(backend: file.name, kind: .declined(.processor), message: missing)
  }

  /// Whether it is a manifest whose library is nowhere to be found. A loader of its own ways may find one all the same.
  package static func lacksLibrary(_ path: String) -> Bool {
    guard let manifest = try? BackendFile(path).manifest else { return false }
    return manifest.libraryPath == nil
  }

  /// Opens it in this process.
  func open() throws(BackendError) -> any Backend { try Self.open(path) }

  /// - Parameter phase: is told what is about to happen.
  package static func open(
    _ path: String, phase: (String) -> Void = { _ in }
  ) throws(BackendError) -> any Backend {
    if let id = shippedID(path) {
      phase("open")
      guard let manifest = Manifest.shipped.first(where: { $0.id == id }) else {
        throw BackendError(backend: id, kind: .unloadable, message: "no manifest of this name comes with Mezzo")
      }
      return try ManifestBackend(manifest)
    }
    if isManifest(path) {
      phase("open")
      return try ManifestBackend(file: path)
    }
    return try NativeBackend(library: path, phase: phase)
  }
}
