import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The library that a manifest binds, opened and never closed.
struct ForeignLibrary: @unchecked Sendable {
  // Sound to share: the loader's handle is only read.
  private let handle: UnsafeMutableRawPointer
  /// The name by which it was found.
  let name: String
  private let suffixes: [String]

  typealias Function = @convention(c) () -> Void

  /// Tries the names in their order; one with a slash is relative to the manifest, others are the dynamic loader's to find.
  init(_ manifest: Manifest) throws(BackendError) {
    var reasons: [String] = []
    for name in manifest.library.names {
      let path = Self.path(name, of: manifest.path)
      // Of a name without a slash only the loader knows which file it is.
      if path.contains("/"), let defect = LibraryFile.defect(at: path) {
        reasons.append(defect)
        continue
      }
      // RTLD_NOW: a missing symbol is an error here and not an abort at the first call.
      if let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) {
        self.handle = handle
        self.name = path
        suffixes = manifest.linking.suffixes
        return
      }
      reasons.append(dlerror().map { String(cString: $0) } ?? "\(path): the dynamic loader gave no reason")
    }
    throw BackendError(
      backend: manifest.id, kind: .unloadable,
      message: "none of its libraries can be opened: \(reasons.joined(separator: "; ")); install the library, or name "
        + "the file that you have in \(manifest.path)")
  }

  func function(_ symbol: String) -> Function? {
    for suffix in suffixes {
      guard let address = dlsym(handle, symbol + suffix) else { continue }
      return unsafeBitCast(address, to: Function.self)
    }
    return nil
  }

  func missing(_ symbol: String) -> String { Self.missing(symbol, in: name, suffixes: suffixes) }

  static func missing(_ symbol: String, in library: String, suffixes: [String]) -> String {
    let also = suffixes.filter { !$0.isEmpty }
    return "symbol \(symbol) is not exported by \(library)"
      + (also.isEmpty ? "" : ", nor with one of \(also.joined(separator: ", ")) behind it")
  }

  static func path(_ name: String, of manifest: String) -> String {
    guard name.contains("/"), !name.hasPrefix("/") else { return name }
    var own = name[...]
    while own.hasPrefix("./") { own = own.dropFirst(2).drop { $0 == "/" } }
    guard let slash = manifest.lastIndex(of: "/") else { return "./\(own)" }
    return "\(manifest[...slash])\(own)"
  }
}
