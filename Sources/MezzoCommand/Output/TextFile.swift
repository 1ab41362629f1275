#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A file that was asked for cannot be written.
struct OutputError: Error, CustomStringConvertible {
  var path: String
  var reason: String

  var description: String { "expected to write '\(path)', but the system says: \(reason)" }
}

/// What was printed may fail to arrive only here: a full disk, a closed descriptor.
func finishOutput() throws(OutputError) {
  if fflush(nil) != 0 { throw OutputError(path: "standard output", reason: String(cString: strerror(errno))) }
}

func write(_ text: String, to path: String) throws(OutputError) {
  guard let file = fopen(path, "w") else { throw OutputError(path: path, reason: String(cString: strerror(errno))) }
  let isWritten = fputs(text, file) >= 0
  // What is buffered may fail only here.
  guard fclose(file) == 0, isWritten else { throw OutputError(path: path, reason: String(cString: strerror(errno))) }
}

enum TextFile {
  /// Of a whole text, as claims or a case are: far more than any has.
  private static let limit = 1 << 28

  /// Where a file of this path lies.
  static func folder(of path: String) -> String {
    let trimmed = String(path.reversed().drop { $0 == "/" }.reversed())
    guard let slash = trimmed.lastIndex(of: "/") else { return path.hasPrefix("/") ? "/" : "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func bytes(_ path: String) throws(OutputError) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw OutputError(path: path, reason: String(cString: strerror(errno))) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { break }
      bytes += buffer[..<count]
      if bytes.count > limit { throw OutputError(path: path, reason: "it is larger than \(limit) bytes") }
    }
    guard ferror(file) == 0 else { throw OutputError(path: path, reason: String(cString: strerror(errno))) }
    return bytes
  }

  static func read(_ path: String) throws(OutputError) -> String { String(decoding: try bytes(path), as: UTF8.self) }
}
