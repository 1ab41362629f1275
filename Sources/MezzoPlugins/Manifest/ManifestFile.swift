#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads the text of a manifest, and no more of a file than a manifest may have.
enum ManifestFile {
  static func text(_ path: String) throws(ManifestError) -> String {
    func failure(_ message: String) -> ManifestError {
      ManifestError(path: path, line: 1, column: 1, message: message)
    }
    // A pipe or a device would block or never end.
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure("cannot be read: \(String(cString: strerror(errno)))") }
    guard status.st_mode & S_IFMT == S_IFREG else { throw failure("expected a file, found something else") }
    guard let file = fopen(path, "re") else { throw failure("cannot be read: \(String(cString: strerror(errno)))") }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: TOMLReader.byteLimit + 1)
    let count = fread(&bytes, 1, bytes.count, file)
    guard ferror(file) == 0 else { throw failure("cannot be read to its end") }
    guard count <= TOMLReader.byteLimit else { throw failure("expected at most \(TOMLReader.byteLimit) bytes") }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else { throw failure("expected UTF-8") }
    return text
  }
}
