#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file whose bytes are looked at where the system keeps them: what nobody reads costs no memory.
///
/// Sound to share: the mapping is private and read-only, and lives as long as this object, as do the bytes of a file that another
/// takes the name of. A file that another program makes shorter where it is ends the process at the first look beyond its end;
/// ``requireWhole()`` asks before each tensor is taken from it.
package final class MappedFile: @unchecked Sendable {
  package let path: String
  package let bytes: UnsafeRawBufferPointer
  /// -1 once it is closed.
  private var file: Int32
  /// Seconds since 1970.
  private let modified: Int

  /// - Parameter isOwn: whether a link, or a file that another user owns or may write to, is refused.
  package init(_ path: String, isOwn: Bool = false) throws(FileError) {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (isOwn ? O_NOFOLLOW : 0))
    guard file >= 0 else { throw .unreadable(path: path, reason: Self.reason()) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      Self.close(file)
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    if isOwn, let reason = PrivateFolder.refusal(status) {
      Self.close(file)
      throw .unreadable(path: path, reason: reason)
    }
    let size = Int(status.st_size)
    if size == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    } else {
      guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, file, 0), start != MAP_FAILED else {
        let reason = Self.reason()
        Self.close(file)
        throw .unreadable(path: path, reason: reason)
      }
      bytes = UnsafeRawBufferPointer(start: start, count: size)
    }
    self.path = path
    self.file = file
    modified = PrivateFolder.seconds(status)
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
    close()
  }

  /// Closes the file, which the mapping does not need. Before anybody else has this object; nothing is asked of the file itself
  /// afterwards.
  package func close() {
    guard file >= 0 else { return }
    Self.close(file)
    file = -1
  }

  private static func close(_ file: Int32) {
    #if canImport(Glibc)
      Glibc.close(file)
    #elseif canImport(Musl)
      Musl.close(file)
    #elseif canImport(Darwin)
      Darwin.close(file)
    #endif
  }

  /// - Throws: `FileError.truncated` where the file has become shorter since it was opened.
  package func requireWhole() throws(FileError) {
    var status = stat()
    guard fstat(file, &status) == 0 else { throw .unreadable(path: path, reason: Self.reason()) }
    guard Int(status.st_size) >= bytes.count else {
      throw .truncated(path: path, expected: bytes.count, found: Int(status.st_size))
    }
  }

  /// Whether vectors of 64 bytes can be read up to the end of `part`, of ``bytes``: what follows the end of a file in its last
  /// page reads as 0.
  package func hasWholeVectors(_ part: UnsafeRawBufferPointer) -> Bool {
    guard let start = part.baseAddress, let file = bytes.baseAddress else { return false }
    return start - file + (part.count + 63) / 64 * 64 <= Self.wholePages(bytes.count)
  }

  /// Brings all of it into memory, with one call in place of a fault for each few pages.
  ///
  /// - Throws: `FileError.unreadable` where the system tells that some of it cannot be read.
  package func load() throws(FileError) {
    guard let start = bytes.baseAddress else { return }
    let address = UnsafeMutableRawPointer(mutating: start)
    #if os(Linux)
      if madvise(address, bytes.count, Self.populateForReading) == 0 { return }
      // Older systems do not know it.
      guard errno == EINVAL else { throw .unreadable(path: path, reason: Self.reason()) }
    #endif
    madvise(address, bytes.count, Int32(MADV_WILLNEED))
  }

  /// MADV_POPULATE_READ, of Linux 5.14, which not all headers have.
  private static let populateForReading: Int32 = 22

  /// Nobody reads `part`, of ``bytes``, for a while. The pages stay in the system's own cache of the file, from which whoever
  /// reads them gets them again.
  package func rest(_ part: UnsafeRawBufferPointer) {
    guard let start = part.baseAddress, let file = self.bytes.baseAddress else { return }
    let first = (start - file) / Self.pageSize * Self.pageSize
    let end = min(Self.wholePages(start - file + part.count), self.bytes.count)
    madvise(UnsafeMutableRawPointer(mutating: file + first), end - first, Int32(MADV_DONTNEED))
  }

  /// Notes in the file's time of modification that it was used, to the hour: what was used last is removed last.
  package func noteUse() {
    if time(nil) - modified > 3600 { futimens(file, nil) }
  }

  private static let pageSize = max(Int(sysconf(Int32(_SC_PAGESIZE))), 1)

  private static func wholePages(_ count: Int) -> Int { (count + pageSize - 1) / pageSize * pageSize }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
