import MezzoFiles

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The files that the user approved, by hash: `trust.toml` in the user's configuration.
///
/// Each `[[file]]` is read by itself: a damaged one approves nothing, is told of, and stays in the file as it is, while the
/// others hold.
struct TrustFile: Sendable {
  /// `nil`: nothing is approved, and nothing can be.
  var path: String?

  static var standard: TrustFile {
    TrustFile(path: UserFolder.xdg("XDG_CONFIG_HOME", ".config").map { "\($0)/trust.toml" })
  }

  func approves(_ digest: Digest) -> Bool {
    read().pieces.contains { $0.entry?.digest == digest.description }
  }

  /// What is wrong with the file, with its path and line; `nil` where it is whole or not there.
  var problem: String? {
    let contents = read()
    return contents.unreadable.map { "\($0); it approves nothing" }
      ?? contents.damage.map { "\($0); the other entries hold" }
  }

  /// Adds a file, or renews the hash of one that is there. The whole file is replaced at once, and nothing else in it is lost.
  func approve(_ file: BackendFile) throws(FileError) {
    guard let path else {
      throw .unwritable(path: "trust.toml", reason: "there is no home folder to keep it in; set XDG_CONFIG_HOME")
    }
    guard !file.path.contains(where: \.isNewline) else {
      throw .unwritable(path: path, reason: "the name \(file.path) holds a line break; rename the file")
    }
    let contents = read()
    if let unreadable = contents.unreadable {
      throw .unwritable(path: path, reason: "what is there cannot be kept (\(unreadable)); move it away first")
    }
    var folder = ""
    for part in path.split(separator: "/").dropLast() {
      folder += "/\(part)"
      mkdir(folder, 0o755)
    }
    var text = contents.pieces.filter { $0.entry?.file != file.path }.map(\.text).joined()
    if text.isEmpty { text = "# What Mezzo may load. 'mezzo backend trust FILE' adds a file.\n" }
    if !text.hasSuffix("\n") { text += "\n" }
    text += "\n[[file]]\npath = \"\(Self.escaped(file.path))\"\nsha256 = \"\(file.digest)\"\n"
    try AtomicFile.write(text, to: path)
  }

  private struct Contents {
    var pieces: [Piece] = []
    /// The first thing that is no entry.
    var damage: ManifestError?
    /// Why there are no pieces although there is a file.
    var unreadable: ManifestError?
  }

  /// The lines from one `[[file]]` to the next.
  private struct Piece {
    var text: String
    /// `nil` for what comes before the first, and for what is damaged.
    var entry: (file: String, digest: String)?
  }

  private func read() -> Contents {
    guard let path, access(path, F_OK) == 0 else { return Contents() }
    var contents = Contents()
    let text: String
    do throws(ManifestError) {
      text = try ManifestFile.text(path)
    } catch {
      contents.unreadable = error
      return contents
    }
    var pieces: [(text: Substring, line: Int)] = []
    for (number, line) in Self.lines(of: text).enumerated() {
      if pieces.isEmpty || line.drop(while: { $0 == " " || $0 == "\t" }).hasPrefix("[[file]]") {
        pieces.append((line, number))
      } else {
        pieces[pieces.count - 1].text = text[pieces[pieces.count - 1].text.startIndex..<line.endIndex]
      }
    }
    for (piece, line) in pieces {
      do throws(TOMLError) {
        contents.pieces.append(Piece(text: String(piece), entry: try Self.entry(in: String(piece))))
      } catch {
        contents.pieces.append(Piece(text: String(piece), entry: nil))
        var damage = ManifestError(error, in: String(piece), path: path)
        damage.line += line
        contents.damage = contents.damage ?? damage
      }
    }
    return contents
  }

  /// With their ends.
  private static func lines(of text: String) -> [Substring] {
    var lines: [Substring] = []
    var start = text.startIndex
    while start < text.endIndex {
      let end = text.utf8[start...].firstIndex(of: 0x0A).map { text.utf8.index(after: $0) } ?? text.endIndex
      lines.append(text[start..<end])
      start = end
    }
    return lines
  }

  private static func entry(in text: String) throws(TOMLError) -> (file: String, digest: String)? {
    let root = try ManifestFields(try TOMLReader.read(text), "trust.toml", known: ["file"])
    guard let table = try root.tables("file", limit: 1).first else { return nil }
    let fields = try ManifestFields(table, "[[file]]", known: ["path", "sha256"])
    let file = try fields.required("path", "of the file that is approved").string.text
    let (digest, position) = try fields.required("sha256", "of its content")
    guard digest.text.utf8.count == 64, digest.text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw TOMLError(
        position: position, message: "expected the 64 digits of a SHA-256 for sha256, found '\(digest.text)'")
    }
    return (file, digest.text.lowercased())
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
  }
}
