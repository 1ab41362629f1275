import Foundation
import Testing

/// The kept headers, and the C programs of `Tests/ABI` compiled against them.
struct ReleasedHeaders: Sendable, CustomTestStringConvertible {
  /// `1.0`, or `current`.
  var version: String
  var folder: String

  var testDescription: String { version }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static let current = ReleasedHeaders(
    version: "current", folder: root.appending(path: "Sources/CMezzoABI/include").path(percentEncoded: false))

  static let kept: [ReleasedHeaders] = {
    let folder = root.appending(path: "Tests/ABI/released")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))) ?? []
    return names.sorted().map {
      ReleasedHeaders(version: $0, folder: folder.appending(path: $0).path(percentEncoded: false))
    }
  }()

  static let all = kept + [current]

  static func source(_ name: String) -> String {
    root.appending(path: "Tests/ABI/\(name)").path(percentEncoded: false)
  }

  func text(_ name: String) throws -> String { try String(contentsOfFile: "\(folder)/\(name)", encoding: .utf8) }

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// What `program` printed; throws where it ends with an error and prints nothing on its standard output.
  @discardableResult
  static func run(_ program: String, _ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let printed = try output.fileHandleForReading.readToEnd() ?? Data()
    let said = try errors.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let text = String(decoding: printed, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard process.terminationStatus == 0 || !text.isEmpty else {
      throw Failure(description: "status \(process.terminationStatus): \(String(decoding: said, as: UTF8.self))")
    }
    return text
  }

  /// Compiles a file against these headers.
  func compile(_ source: String, _ options: [String], to product: String, compiler: String) throws {
    let text = try Self.run(
      compiler, ["-std=gnu11", "-w", "-I", folder] + options + [source, "-o", product, "-ldl"])
    guard FileManager.default.fileExists(atPath: product) else { throw Failure(description: text) }
  }
}
