import Foundation
import Testing

/// The built `mezzo`, run as a process of its own.
struct Command {
  var status: Int32
  var output: String
  var error: String

  /// - Parameters:
  ///   - backends: what `MEZZO_BACKENDS` is set to; `nil` leaves every backend in.
  ///   - input: what it reads from standard input; by default nothing.
  init(
    _ arguments: String..., executable: URL? = nil, backends: String? = "only:builtin",
    environment: [String: String] = [:], input: String? = nil
  ) throws {
    try self.init(
      arguments: arguments, executable: executable, backends: backends, environment: environment, input: input)
  }

  init(
    arguments: [String], executable: URL? = nil, backends: String? = "only:builtin",
    environment: [String: String] = [:], input: String? = nil
  ) throws {
    let process = Process()
    process.executableURL = try executable ?? Self.executable
    process.arguments = arguments
    // What the machine's user has set must not decide.
    var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("MEZZO_") }
    variables["MEZZO_BACKENDS"] = backends
    process.environment = variables.merging(environment) { $1 }
    let files = try (0..<3).map { _ in try Self.scratchFile() }
    defer { for file in files { try? FileManager.default.removeItem(at: file) } }
    try Data((input ?? "").utf8).write(to: files[2])
    process.standardInput = try FileHandle(forReadingFrom: files[2])
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    process.waitUntilExit()
    status = process.terminationReason == .exit ? process.terminationStatus : -1
    output = try String(contentsOf: files[0], encoding: .utf8)
    error = try String(contentsOf: files[1], encoding: .utf8)
  }

  func json() throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
  }

  func jsonList() throws -> [[String: Any]] {
    try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [[String: Any]])
  }

  /// A file rather than a pipe, which a process that writes much would wait at.
  private static func scratchFile() throws -> URL {
    let file = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")
    try Data().write(to: file)
    return file
  }

  /// SwiftPM builds it beside the test runner: on Linux the runner is a program there, on macOS a bundle.
  static var executable: URL {
    get throws {
      let places =
        [Bundle.main.executableURL, Bundle.main.bundleURL].compactMap { $0 }
        + Bundle.allBundles.map(\.bundleURL)
      let candidates = places.flatMap { place in
        [place.deletingLastPathComponent(), place].map { $0.appending(path: "mezzo") }
      }
      return try #require(
        candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) },
        "mezzo is not beside the test runner")
    }
  }
}
