#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Files that are whole or not there: written under another name in the same directory, flushed, then renamed.
package enum AtomicFile {
  package static func write(_ parts: [UnsafeRawBufferPointer], to path: String) throws(CheckpointError) {
    let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0...(.max))).part"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .unwritable(path: path, reason: reason()) }
    do throws(CheckpointError) {
      for part in parts { try write(part, to: file, path) }
      guard fsync(file) == 0 else { throw .unwritable(path: path, reason: reason()) }
    } catch {
      close(file)
      unlink(temporary)
      throw error
    }
    guard close(file) == 0, rename(temporary, path) == 0 else {
      let failure = CheckpointError.unwritable(path: path, reason: reason())
      unlink(temporary)
      throw failure
    }
    flushFolder(of: path)
  }

  /// Adds to the end of a file, in one piece; what was there stays.
  package static func append(_ bytes: [UInt8], to path: String) throws(CheckpointError) {
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .unwritable(path: path, reason: reason()) }
    defer { close(file) }
    try bytes.withUnsafeBytes { bytes in
      Result { () throws(CheckpointError) in try write(bytes, to: file, path) }
    }.get()
  }

  /// Removes what writers of `path` left behind that were killed in the middle.
  package static func removeLeftovers(of path: String) {
    let (folder, name) = parts(of: path)
    guard let entries = opendir(folder) else { return }
    defer { closedir(entries) }
    var leftovers: [String] = []
    while let entry = readdir(entries) {
      let found = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
        tuple.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      guard found.hasPrefix("\(name)."), found.hasSuffix(".part"),
        let writer = found.dropFirst(name.count + 1).split(separator: "-").first.flatMap({ pid_t($0) }), writer > 0
      else { continue }
      // One that still runs may be writing it.
      if kill(writer, 0) != 0, errno == ESRCH { leftovers.append(found) }
    }
    for leftover in leftovers { unlink("\(folder)/\(leftover)") }
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
  package static func makeFolder(_ path: String) throws(CheckpointError) {
    if mkdir(path, 0o777) == 0 || (errno == EEXIST && isDirectory(path)) { return }
    throw .unwritable(path: path, reason: reason())
  }

  /// - Parameter limit: bytes beyond which a file is refused.
  package static func read(_ path: String, limit: Int = .max) throws(CheckpointError) -> [UInt8] {
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

  /// Removes files, where they are there.
  static func remove(_ paths: [String]) { for path in paths { unlink(path) } }

  package static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func write(_ part: UnsafeRawBufferPointer, to file: Int32, _ path: String) throws(CheckpointError) {
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
