#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A folder whose files nobody but this user can change, so that they can be mapped: a file that becomes shorter ends whoever
/// reads it where it was.
package struct PrivateFolder: Sendable {
  package let path: String

  /// Made, with those around it, unless it is there.
  ///
  /// - Throws: `FileError` where it cannot be made, is no folder, or is one that others may write to.
  package init(_ path: String) throws(FileError) {
    var path = path
    while path.hasSuffix("/"), path != "/" { path.removeLast() }
    self.path = path
    var status = stat()
    if stat(path, &status) != 0 {
      try Self.make(path, mode: 0o700)
      guard stat(path, &status) == 0 else { throw .unreadable(path: path, reason: Self.reason()) }
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw .unreadable(path: path, reason: "expected a folder, found something else of this name")
    }
    if let reason = Self.refusal(status) { throw .unreadable(path: path, reason: reason) }
  }

  private static func make(_ path: String, mode: mode_t) throws(FileError) {
    if mkdir(path, mode) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
      throw .unwritable(path: path, reason: reason())
    }
    try make(String(path[..<slash]), mode: mode)
    if mkdir(path, mode) != 0, errno != EEXIST { throw .unwritable(path: path, reason: reason()) }
  }

  package struct Entry: Sendable {
    package var name: String
    package var bytes: Int
    /// When it was written or used last, in seconds since 1970.
    package var time: Int
  }

  /// Its regular files.
  package var entries: [Entry] {
    (Folder.names(in: path) ?? []).compactMap { name in
      var status = stat()
      guard lstat("\(path)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
      return Entry(name: name, bytes: Int(status.st_size), time: Self.seconds(status))
    }
  }

  /// Removes the longest unused of the files, until all of them are no more than `limit` bytes; and what their writers left
  /// behind that were killed in the middle.
  ///
  /// - Parameter isOne: whether a file of that name is meant; others may lie beside them.
  package func keep(limit: Int, _ isOne: (Substring) -> Bool) {
    let now = time(nil)
    var kept: [Entry] = []
    var total = 0
    for entry in entries {
      if let written = AtomicFile.written(by: entry.name), isOne(written) {
        // Whether its writer still runs cannot be seen where it runs in another container; none takes as long as this.
        if now - entry.time > Self.longestWrite { unlink("\(path)/\(entry.name)") } else { total += entry.bytes }
      } else if isOne(entry.name[...]) {
        kept.append(entry)
        total += entry.bytes
      }
    }
    for entry in kept.sorted(by: { ($0.time, $0.name) < ($1.time, $1.name) }) {
      guard total > limit else { return }
      if unlink("\(path)/\(entry.name)") == 0 || errno == ENOENT { total -= entry.bytes }
    }
  }

  /// Seconds.
  private static let longestWrite = 600

  /// Why something is not this user's alone, `nil` if it is.
  static func refusal(_ status: stat) -> String? {
    if status.st_uid != geteuid() {
      return "it belongs to user \(status.st_uid), expected one of user \(geteuid()), who runs this program"
    }
    guard status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      return "others may write to it (mode \(mode)), expected one of its user alone; chmod go-w makes it so"
    }
    return nil
  }

  static func seconds(_ status: stat) -> Int {
    #if canImport(Darwin)
      status.st_mtimespec.tv_sec
    #else
      status.st_mtim.tv_sec
    #endif
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}

package enum Folder {
  /// What a folder holds, in no order; `nil` where it is none.
  package static func names(in path: String) -> [String]? {
    guard let stream = opendir(path) else { return nil }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) { String(cString: $0) }
        })
    }
    return names
  }
}
