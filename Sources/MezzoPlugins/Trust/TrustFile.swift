import MezzoFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files that the user approved, by hash: `trust.toml` in the user's configuration.
struct TrustFile: Sendable {
  /// `nil`: nothing is approved, and nothing can be.
  var path: String?

  static var standard: TrustFile {
    TrustFile(path: UserFolder.xdg("XDG_CONFIG_HOME", ".config").map { "\($0)/trust.toml" })
  }

  func approves(_ digest: Digest) -> Bool { entries().contains { $0.digest == digest.description } }

  /// Adds a file, or renews the hash of one that is there. The whole file is replaced at once.
  func approve(_ file: BackendFile) throws(FileError) {
    guard let path else {
      throw .unwritable(path: "trust.toml", reason: "there is no home folder to keep it in; set XDG_CONFIG_HOME")
    }
    guard !file.path.contains(where: \.isNewline) else {
      throw .unwritable(path: path, reason: "the name \(file.path) holds a line break; rename the file")
    }
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
      folder += "/\(part)"
      mkdir(folder, 0o755)
    }
    let kept = entries().filter { $0.file != file.path }
    let text = (kept + [(file.path, file.digest.description)])
      .map { "\n[[file]]\npath = \"\(Self.escaped($0.file))\"\nsha256 = \"\($0.digest)\"\n" }.joined()
    try AtomicFile.write("# What Mezzo may load. 'mezzo backend trust FILE' adds a file.\n" + text, to: path)
  }

  /// A line that is not understood approves nothing.
  private func entries() -> [(file: String, digest: String)] {
    guard let path, let stream = fopen(path, "re") else { return [] }
    defer { fclose(stream) }
    var entries: [(file: String, digest: String)] = []
    var file = ""
    var line = [CChar](repeating: 0, count: 8192)
    while fgets(&line, Int32(line.count), stream) != nil {
      let text = String(decoding: line.prefix { $0 != 0 && $0 != 10 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      if let value = Self.value(of: "path", in: text) { file = value }
      if let value = Self.value(of: "sha256", in: text), value.count == 64 { entries.append((file, value)) }
    }
    return entries
  }

  private static func value(of key: String, in line: String) -> String? {
    let prefix = "\(key) = \""
    guard line.hasPrefix(prefix), line.hasSuffix("\""), line.count > prefix.count else { return nil }
    var value = ""
    var isEscaped = false
    for character in line.dropFirst(prefix.count).dropLast() {
      isEscaped = character == "\\" && !isEscaped
      if !isEscaped { value.append(character) }
    }
    return value
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }
}
