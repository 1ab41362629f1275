import CMezzoABI
import CMezzoFFI
import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A backend's library, opened and never closed: thread-local destructors, library threads and language runtimes make
/// dlclose unsafe, so a mapping stays to the end of the process.
struct SharedLibrary {
  static let entryName = "mezzo_backend_query"

  private let handle: UnsafeMutableRawPointer
  let path: String

  init(path: String, name: String) throws(BackendError) {
    if let defect = LibraryFile.defect(at: path) {
      throw BackendError(backend: name, kind: .unloadable, message: defect)
    }
    // The loader searches its own directories for a name without a slash, and would open another file than was checked.
    let file = path.contains("/") ? path : "./\(path)"
    // RTLD_NOW: a missing symbol is an error here and not an abort at the first call.
    guard let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE) else {
      throw BackendError(backend: name, kind: .unloadable, message: Self.lastError())
    }
    self.handle = handle
    self.path = path
  }

  /// The table that the library answers to this host's offer with.
  func table(for name: String) throws(BackendError) -> UnsafePointer<mezzo_backend> {
    guard let symbol = dlsym(handle, Self.entryName) else {
      throw BackendError(
        backend: name, kind: .unloadable,
        message: "\(path) does not export \(Self.entryName), the one symbol of a Mezzo backend")
    }
    let query = unsafeBitCast(symbol, to: (@convention(c) () -> Void).self)
    var offer = NativeBackend.offer
    let answer = withUnsafePointer(to: &offer) { mezzo_ffi_query(CallInterface.query.pointer, query, $0) }
    guard let answer else { throw NativeBackend.noCommonVersion(name) }
    return answer.assumingMemoryBound(to: mezzo_backend.self)
  }

  private static func lastError() -> String {
    dlerror().map { String(cString: $0) } ?? "the dynamic loader gave no reason"
  }
}
