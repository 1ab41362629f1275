#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Android)
  import Android
#endif

/// The whole of a file, at most `limit` bytes of it.
///
/// - Throws: `.notFound`, `.unreadable` with the system's own text, or `.tooLarge`.
func readFile(_ path: String, limit: Int) throws(DataError) -> [UInt8] {
  // A pipe without a writer would be waited at for ever.
  var status = stat()
  if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG, status.st_mode & S_IFMT != S_IFDIR {
    throw .unreadable(path: path, reason: "it is not a regular file")
  }
  guard let file = fopen(path, "rb") else {
    if errno == ENOENT { throw missing(path) }
    throw .unreadable(path: path, reason: systemMessage(errno))
  }
  defer { fclose(file) }
  var content: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 18)
  while true {
    let count = fread(&chunk, 1, chunk.count, file)
    if count == 0 { break }
    guard content.count + count <= limit else {
      throw .tooLarge(path: path, size: "more than that", limit: limit)
    }
    content += chunk[..<count]
  }
  // A directory opens and fails here.
  if ferror(file) != 0 { throw .unreadable(path: path, reason: systemMessage(errno)) }
  return content
}

/// The sorted names in a directory without `.` and `..`, or `nil` when there is no such directory.
///
/// - Throws: `.unreadable` with the system's own text.
func listDirectory(_ path: String) throws(DataError) -> [String]? {
  guard let directory = opendir(path) else {
    if errno == ENOENT { return nil }
    throw .unreadable(path: path, reason: systemMessage(errno))
  }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    // The system ends each name with a zero byte inside the entry, which lives until the next call.
    let name = withUnsafeBytes(of: &entry.pointee.d_name) { field in
      String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

private func missing(_ path: String) -> DataError {
  let slash = path.lastIndex(of: "/")
  let file = slash.map { String(path[path.index(after: $0)...]) } ?? path
  let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  do throws(DataError) {
    return .notFound(directory: directory, lookedFor: [file], present: try listDirectory(directory))
  } catch {
    return error
  }
}

private func systemMessage(_ code: Int32) -> String {
  var text = [CChar](repeating: 0, count: 256)
  let status = strerror_r(code, &text, text.count)
  let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  return status == 0 ? String(decoding: bytes, as: UTF8.self) : "error \(code)"
}
