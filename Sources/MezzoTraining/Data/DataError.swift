/// What can be wrong with a file of training data.
///
/// Each description says what was expected, what came and what to do.
public enum DataError: Error, Equatable, Sendable {
  /// No file of any of the names looked for is in the directory.
  /// `present` is what the directory holds, or `nil` when there is no such directory.
  case notFound(directory: String, lookedFor: [String], present: [String]?)
  /// The operating system refused to read; `reason` is its own text.
  case unreadable(path: String, reason: String)
  /// The first bytes (`got`) are not those of the format (`expected`).
  case badMagic(path: String, expected: String, got: [UInt8])
  /// The IDX header names an element type that IDX does not define.
  case unsupportedType(path: String, code: UInt8)
  /// The file ends before the bytes that its header declares. Counts are of plain, not compressed, bytes.
  case truncated(path: String, expected: Int, got: Int)
  /// The file goes on after the bytes that its header declares.
  case trailingBytes(path: String, expected: Int)
  /// A gzip stream that does not inflate, ends early or fails its checksum.
  case corruptGzip(path: String, reason: String)
  /// `size` describes what the file holds or declares, `limit` is in bytes.
  case tooLarge(path: String, size: String, limit: Int)
  /// Well-formed data of another shape or element type than the reader needs.
  case shapeMismatch(path: String, expected: String, got: String)
}

extension DataError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound(let directory, let lookedFor, nil):
      "expected a directory '\(directory)' with \(quoted(lookedFor)), but there is no such directory: check the path"
    case .notFound(let directory, let lookedFor, let present?):
      "expected \(quoted(lookedFor)) in '\(directory)', which holds \(quoted(present)): "
        + "check the path, or put the missing files there"
    case .unreadable(let path, let reason):
      "expected to read '\(path)', but the system says: \(reason)"
    case .badMagic(let path, let expected, let got):
      "expected '\(path)' to begin with \(expected), but it begins with \(hex(got)): "
        + "download the file again (an error page may have been saved in its place)"
    case .unsupportedType(let path, let code):
      "expected one of IDX's element types 08, 09, 0b, 0c, 0d, 0e in byte 3 of '\(path)', but it is \(hex([code])): "
        + "download the file again, or write it in one of these types"
    case .truncated(let path, let expected, let got):
      "expected \(expected) bytes in '\(path)', but it ends after \(got): download the file again"
    case .trailingBytes(let path, let expected):
      "expected \(expected) bytes in '\(path)' as its header declares, but it goes on after them: "
        + "the header or the data are wrong; download the file again"
    case .corruptGzip(let path, let reason):
      "expected a valid gzip stream in '\(path)', but \(reason): download the file again"
    case .tooLarge(let path, let size, let limit):
      "expected at most \(limit) bytes in '\(path)', but it has \(size): if the file is right, pass a larger byteLimit"
    case .shapeMismatch(let path, let expected, let got):
      "expected \(expected) in '\(path)', but it has \(got): check that the right file is in the right place"
    }
  }
}

private func hex(_ bytes: [UInt8]) -> String {
  if bytes.isEmpty { return "nothing" }
  return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

/// A directory can hold thousands of files: a message names the first few.
private func quoted(_ names: [String], atMost limit: Int = 16) -> String {
  if names.isEmpty { return "nothing" }
  let shown = names.prefix(limit).map { "'\($0)'" }.joined(separator: ", ")
  return names.count > limit ? "\(shown) and \(names.count - limit) more" : shown
}
