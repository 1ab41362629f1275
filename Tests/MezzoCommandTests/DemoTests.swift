import Foundation
import Testing

@Suite struct DemoTests {
  @Test func threePoliciesSideBySide() throws {
    let picture = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString).svg")
    defer { try? FileManager.default.removeItem(at: picture) }
    let command = try Command("demo", "--epochs", "2", "--picture", picture.path, "--json")
    #expect(command.status == 0, "\(command.error)")
    let reports = try command.jsonList()
    #expect(reports.compactMap { $0["policy"] as? String } == ["float32", "mixed_bfloat16", "mixed_float16"])
    #expect(reports.allSatisfy { ($0["testAccuracy"] as? Double ?? 0) > 0.85 })

    let svg = try String(contentsOf: picture, encoding: .utf8)
    #expect(svg.hasPrefix("<svg ") && svg.hasSuffix("</svg>\n"))
    #expect(svg.components(separatedBy: "<polyline").count == 4)
    #expect(svg.contains("prefers-color-scheme: dark") && svg.contains("mixed_bfloat16"))
  }

  /// Also where the picture cannot be written, which is told last.
  @Test func comparisonIsReadable() throws {
    let command = try Command("demo", "--epochs", "1", "--picture", "/nonexistent/demo.svg")
    #expect(command.status == 73)
    #expect(command.error.contains("error: expected to write '/nonexistent/demo.svg'"), "\(command.error)")
    for part in ["test accuracy", "ms/step", "weights", "loss scale", "Who computed what under mixed_float16"] {
      #expect(command.output.contains(part), "\(part) is missing")
    }
    #expect(command.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(!command.output.contains("\u{1B}"))
  }
}
