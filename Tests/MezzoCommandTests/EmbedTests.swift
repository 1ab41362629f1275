import Foundation
import Testing

@Suite struct EmbedTests {
  /// The tiny random model of the tests of MezzoModels.
  private static let model = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "MezzoModelsTests/Resources/tiny").path(percentEncoded: false)

  private func file(_ text: String) throws -> URL {
    let file = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")
    try Data(text.utf8).write(to: file)
    return file
  }

  @Test func oneLineATextInTheirOrder() throws {
    let texts = try file("hello world\n\nquick jumps over\u{2028}the\nlast")
    defer { try? FileManager.default.removeItem(at: texts) }
    let command = try Command("embed", "--model", Self.model, "--json", texts.path)
    #expect(command.status == 0, "\(command.error)")
    let lines = try command.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.count == 4)
    for line in lines {
      #expect(Set(line.keys) == ["ids", "embedding"])
      let vector = try #require(line["embedding"] as? [Double])
      #expect(abs(vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
    }
    #expect(lines[1]["ids"] as? [Int] == [2, 3])
    let plain = try Command("embed", "--model", Self.model, "--policy", "mixed_bfloat16", texts.path)
    #expect(plain.output.split(separator: "\n").map { $0.split(separator: " ").count } == [16, 16, 16, 16])
  }

  @Test func similarTextsAreTabled() throws {
    let command = try Command("similarity", "--model", Self.model, "hello", "hello", "the world", "--json")
    #expect(command.status == 0, "\(command.error)")
    let rows = try #require(try command.json()["similarity"] as? [[Double]])
    #expect(rows.count == 3 && abs(rows[0][1] - 1) < 1e-9 && rows[0][2] < 0.9999)
    let shown = try Command("similarity", "--model", Self.model, "hello", "hello").output
    #expect(shown.contains("1.000") && shown.split(separator: "\n").count == 2)
  }

  @Test func filesAreRanked() throws {
    let texts = try file("world\nquick\nthe world\n")
    defer { try? FileManager.default.removeItem(at: texts) }
    let command = try Command(
      "similarity", "the world", "--model", Self.model, "--file", texts.path, "--top", "2", "--json")
    let first = try #require(try command.jsonList().first?["closest"] as? [[String: Any]])
    #expect(first.count == 2 && first[0]["text"] as? String == "the world")
  }

  @Test func whatIsMissingIsSaid() throws {
    let command = try Command("embed", "--model", "/nowhere", "/dev/null")
    #expect(command.status == 66 && command.error.contains("/nowhere/config.json"))
    #expect(try Command("embed", "--model", Self.model, "/nowhere/texts").status == 66)
    #expect(try Command("similarity", "--model", Self.model, "alone").status == 64)
  }
}
