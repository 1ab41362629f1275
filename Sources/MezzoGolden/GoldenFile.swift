import MezzoPolicy

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A file of golden cases: `{"format": 1, "cases": [{"id", "group", "system", "input", "expect"}, …]}`. Other members
/// are for people and not read.
public struct GoldenFile: Sendable {
  /// In the order of the file.
  public let entries: [Entry]

  /// A case and the name that the file gives it, which is for the report alone.
  public struct Entry: Sendable {
    public let id: String
    public let testCase: GoldenCase

    public init(id: String, _ testCase: GoldenCase) {
      self.id = id
      self.testCase = testCase
    }
  }

  /// - Throws: ``GoldenFileError``: the file cannot be read, is damaged, or is of another format.
  public init(path: String) throws(GoldenFileError) {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw .unreadable(path: path, reason: Self.reason(of: error, path))
    }
    try self.init(data, path: path)
  }

  /// In words, where the usual reasons are.
  private static func reason(of error: any Error, _ path: String) -> String {
    var isFolder = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return "there is no such file" }
    if isFolder { return "it is a folder" }
    return FileManager.default.isReadableFile(atPath: path) ? "\(error)" : "it may not be read"
  }

  /// - Parameter path: what errors call the file.
  public init(_ data: Data, path: String) throws(GoldenFileError) {
    let file: ConfigurationValue
    do {
      file = try JSONDecoder().decode(ConfigurationValue.self, from: data)
    } catch {
      guard let fault = GoldenFileFault(data) else { throw .notJSON(path: path, reason: "\(error)") }
      throw .damaged(
        path: path, place: fault.place, expected: "a value that Mezzo can hold", found: "a number beyond all doubles")
    }
    guard case .object(let members) = file else {
      throw .damaged(path: path, place: "the file", expected: "an object", found: file.kind)
    }
    guard let format = members["format"] else {
      throw .damaged(path: path, place: "the file", expected: "a member 'format'", found: "none")
    }
    guard format == .integer(1) else { throw .unknownFormat(path: path, found: format.compact) }
    guard let cases = members["cases"]?.asArray else {
      throw .damaged(
        path: path, place: "the file", expected: "an array 'cases'", found: members["cases"]?.kind ?? "none")
    }
    var entries: [Entry] = []
    entries.reserveCapacity(cases.count)
    for (index, value) in cases.enumerated() {
      do throws(GoldenFormError) {
        entries.append(
          Entry(
            id: try value.string("id"),
            GoldenCase(
              group: try value.string("group"), system: try value.string("system"), input: try value.member("input"),
              expect: try value.member("expect"))))
      } catch {
        throw .damaged(path: path, place: "case \(index + 1)", expected: error.expected, found: error.found)
      }
    }
    self.entries = entries
  }
}

/// What is wrong with a file of golden cases.
public enum GoldenFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(path: String, reason: String)
  /// The file is not JSON.
  case notJSON(path: String, reason: String)
  /// The file says that its format is another one.
  case unknownFormat(path: String, found: String)
  /// Something in the file is not as its format has it.
  case damaged(path: String, place: String, expected: String, found: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "expected to read golden cases from '\(path)', but: \(reason)"
    case .notJSON(let path, let reason): "expected '\(path)' to be JSON, but: \(reason)"
    case .unknownFormat(let path, let found):
      "expected golden cases of format 1 in '\(path)', got format \(found); a newer Mezzo may read it"
    case .damaged(let path, let place, let expected, let found):
      "'\(path)' is damaged: \(place): expected \(expected), got \(found.prefix(Self.shownCharacters))"
    }
  }

  private static let shownCharacters = 200
}
