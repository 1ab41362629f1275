import Foundation
import Testing

@Suite struct SnippetTests {
  /// The folder of the package that embeds Mezzo, and of Mezzo itself.
  private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let mezzo = package.deletingLastPathComponent().deletingLastPathComponent()

  @Test("The README's snippet is the program that the next test runs")
  func readmeHoldsTheSnippet() throws {
    let readme = try String(contentsOf: Self.mezzo.appending(path: "README.md"), encoding: .utf8)
    let snippet = try String(contentsOf: Self.package.appending(path: "Sources/Snippet/main.swift"), encoding: .utf8)
    #expect(readme.contains("```swift\n\(snippet)```"))
  }

  @Test("The program that tries backends of others lies beside it")
  func helperIsThere() {
    let folder = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    #expect(FileManager.default.isExecutableFile(atPath: folder.appending(path: "mezzo-probe").path))
  }

  @Test("The snippet trains, tells its policy, and explains where each product went")
  func snippetRuns() throws {
    let program = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "Snippet")
    let process = Process()
    let output = Pipe()
    process.executableURL = program
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let first = try #require(text.split(separator: "\n").first)
    #expect(first.hasPrefix("<Policy \"mixed_bfloat16\"> accuracy "))
    let accuracy = try #require(Double(first.split(separator: " ").last ?? ""))
    #expect(accuracy > 0.93)
    #expect(text.contains("matmul+bias+relu"))
  }
}
