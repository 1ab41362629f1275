#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files that are whole or not there: written under another name in the same directory, flushed, then renamed.
package enum AtomicFile {
  /// - Parameters:
  ///   - parts: the content, one part behind the other.
  ///   - mode: of the file, less what the process's mask takes away.
  ///   - isFlushed: whether the file is there, whole, after a loss of power too. Without, it may then be shorter or hold zeros.
  package static func write(
    _ parts: [UnsafeRawBufferPointer], to path: String, mode: Int = 0o644, isFlushed: Bool = true
  ) throws(FileError) {
    let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...(.max)))\(partSuffix)"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t(mode))
    guard file >= 0 else { throw .unwritable(path: path, reason: reason()) }
    do throws(FileError) {
      for part in parts { try write(part, to: file, path) }
      guard !isFlushed || fsync(file) == 0 else { throw .unwritable(path: path, reason: reason()) }
    } catch {
      close(file)
      unlink(temporary)
      throw error
    }
    guard close(file) == 0, rename(temporary, path) == 0 else {
      let failure = FileError.unwritable(path: path, reason: reason())
      unlink(temporary)
      throw failure
    }
    if isFlushed { flushFolder(of: path) }
  }

  /// What the names of files end with that are not whole yet.
  private static let partSuffix = ".part"

  /// The name of the file that is written under this one until it is whole; `nil` of names that no writer gives.
  static func written(by name: String) -> Substring? {
    guard name.hasSuffix(partSuffix) else { return nil }
    let stem = name.dropLast(partSuffix.count)
    return stem.lastIndex(of: ".").map { stem[..<$0] }
  }

  /// Adds to the end of a file, in one piece; what was there stays.
  package static func append(_ bytes: [UInt8], to path: String) throws(FileError) {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .unwritable(path: path, reason: reason()) }
    defer { close(file) }
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try write(bytes, to: file, path) }
    }.get()
  }

  /// Removes what writers of `path` left behind that were killed in the middle.
  package static func removeLeftovers(of path: String) {
    let (folder, name) = parts(of: path)
    for found in Folder.names(in: folder) ?? [] {
      guard found.hasPrefix("\(name)."), found.hasSuffix(partSuffix),
        let writer = found.dropFirst(name.count + 1).split(separator: "-").first.flatMap({ pid_t($0) }), writer > 0
      else { continue }
      // One that still runs may be writing it.
      if kill(writer, 0) != 0, errno == ESRCH { unlink("\(folder)/\(found)") }
    }
  }

  private static func parts(of path: String) -> (folder: String, name: Substring) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path[...]) }
    return (slash == path.startIndex ? "/" : String(path[..<slash]), path[path.index(after: slash)...])
  }

  /// A new name lasts through a loss of power only once its folder is flushed too. Some file systems refuse that, and the
  /// file is whole all the same.
  private static func flushFolder(of path: String) {
    let folder = open(parts(of: path).folder, O_RDONLY | O_CLOEXEC)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }

  /// Makes a folder unless it is there; the one around it has to be.
  package static func makeFolder(_ path: String) throws(FileError) {
    if mkdir(path, 0o777) == 0 || (errno == EEXIST && isDirectory(path)) { return }
    throw .unwritable(path: path, reason: reason())
  }

  package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(FileError) in try write([bytes], to: path) }
    }.get()
  }

  package static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// - Parameter limit: bytes beyond which a file is refused.
  package static func read(_ path: String, limit: Int = .max) throws(FileError) -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw .unreadable(path: path, reason: reason()) }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(path: path, reason: "it is not a regular file")
    }
    let size = Int(status.st_size)
    guard size <= limit else {
      throw .unreadable(path: path, reason: "it has \(size) bytes, expected at most \(limit)")
    }
    guard size > 0 else { return [] }
    var done = 0
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while done < size {
        let got = Self.system { pread(file, buffer.baseAddress.map { $0 + done }, size - done, off_t(done)) }
        if got <= 0 {
          failed = got < 0
          break
        }
        done += got
      }
      count = done
    }
    if failed { throw .unreadable(path: path, reason: reason()) }
    guard done == size else { throw .truncated(path: path, expected: size, found: done) }
    return bytes
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether the name is taken, be it by a link to nothing.
  package static func isTaken(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Removes files, where they are there.
  package static func remove(_ paths: [String]) { for path in paths { unlink(path) } }

  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func write(_ part: UnsafeRawBufferPointer, to file: Int32, _ path: String) throws(FileError) {
    var rest = part[...]
    while !rest.isEmpty {
      let piece = UnsafeRawBufferPointer(rebasing: rest)
      let written = system { systemWrite(file, piece) }
      guard written > 0 else { throw .unwritable(path: path, reason: reason()) }
      rest = rest.dropFirst(written)
    }
  }

  private static func systemWrite(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Glibc)
      Glibc.write(file, bytes.baseAddress, bytes.count)
    #elseif canImport(Musl)
      Musl.write(file, bytes.baseAddress, bytes.count)
    #elseif canImport(Darwin)
      Darwin.write(file, bytes.baseAddress, bytes.count)
    #endif
  }

  /// Calls again where a signal came between.
  private static func system(_ call: () -> Int) -> Int {
    while true {
      let result = call()
      if result >= 0 || errno != EINTR { return result }
    }
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}
