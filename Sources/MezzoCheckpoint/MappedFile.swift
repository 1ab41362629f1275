import MezzoBackend
import MezzoGraph
import MezzoPolicy

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

  /// The bytes of a tensor: where they are, or copied if they are few or lie so that kernels could not read them there.
  ///
  /// - Parameter part: of ``bytes``.
  func storage(_ part: UnsafeRawBufferPointer, of type: TensorType) -> TensorStorage? {
    guard part.count >= Self.leastInPlace, let width = type.dtype.byteWidth, let start = part.baseAddress,
      let file = bytes.baseAddress, UInt(bitPattern: start).isMultiple(of: UInt(width)),
      // Kernels may load whole vectors at the end.
      start - file + (part.count + 63) / 64 * 64 <= Self.wholePages(bytes.count)
    else { return TensorStorage.allocate(copying: part) }
    return TensorStorage(part, keptBy: self)
  }

  /// Bytes below which a tensor is copied: it would hold pages, and more around them that the system brings along.
  private static let leastInPlace = 1 << 16

  private static let pageSize = max(Int(sysconf(Int32(_SC_PAGESIZE))), 1)

  private static func wholePages(_ count: Int) -> Int { (count + pageSize - 1) / pageSize * pageSize }

  private static func reason() -> String { String(cString: strerror(errno)) }
}

extension MappedFile: BytesKeeper {
  /// The pages stay in the system's own cache of the file, from which whoever reads them gets them again.
  func rest(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress, let file = self.bytes.baseAddress else { return }
    let first = (start - file) / Self.pageSize * Self.pageSize
    let end = min(Self.wholePages(start - file + bytes.count), self.bytes.count)
    madvise(UnsafeMutableRawPointer(mutating: file + first), end - first, Int32(MADV_DONTNEED))
  }
}
