#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file whose bytes are looked at where the system keeps them: what nobody reads costs no memory.
///
/// Sound to share: the mapping is private and read-only, and lives as long as this object. A file that another program makes
/// shorter meanwhile would end the process at the first look beyond its end, so ``requireWhole()`` asks before each copy.
final class MappedFile: @unchecked Sendable {
  let path: String
  let bytes: UnsafeRawBufferPointer
  private let file: Int32

  init(_ path: String) throws(CheckpointError) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw .unreadable(path: path, reason: Self.reason()) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(file)
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    if size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED else {
        let reason = Self.reason()
        close(file)
        throw .unreadable(path: path, reason: reason)
      }
      bytes = UnsafeRawBufferPointer(start: start, count: size)
    }
    self.path = path
    self.file = file
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    close(file)
  }

  /// - Throws: `CheckpointError.truncated` where the file has become shorter since it was opened.
  func requireWhole() throws(CheckpointError) {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .unreadable(path: path, reason: Self.reason()) }
    guard Int(status.st_size) >= bytes.count else {
      throw .truncated(path: path, expected: bytes.count, found: Int(status.st_size))
    }
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
