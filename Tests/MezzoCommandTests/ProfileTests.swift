import Foundation
import Testing

@Suite struct ProfileTests {
  @Test func tellsWhereTheTimeGoes() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "mezzo-profile-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let (page, trace) = (folder.appending(path: "p.html").path, folder.appending(path: "p.json").path)
    let report = try Command(
      "profile", "--json", "--page", page, "--trace", trace, "bench", "W5b", "--policy", "float32", "--seconds", "0.01"
    ).json()
    let rows = try #require(report["rows"] as? [[String: Any]])
    #expect(
      rows.contains { ($0["operation"] as? String ?? "").hasPrefix("matmul") && ($0["ofRoof"] as? Double ?? 0) > 0 })
    let shares = rows.compactMap { $0["share"] as? Double }
    #expect(shares.count == rows.count && shares.reduce(0, +) <= 1.000001 && shares.allSatisfy { $0 > 0 })
    // One run more would be the first, which is left out.
    #expect(report["runs"] as? Int ?? 0 >= 5 && report["operations"] as? Int ?? 0 >= 50)
    let html = try String(contentsOfFile: page, encoding: .utf8)
    #expect(html.contains("</svg>") && html.contains("matmul") && html.hasSuffix("</html>\n"))
    let data = try Data(contentsOf: URL(filePath: trace))
    let events = try #require(
      (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["traceEvents"] as? [[String: Any]])
    #expect(events.allSatisfy { $0["ph"] as? String == "X" && ($0["dur"] as? Double ?? -1) >= 0 })
    #expect(Set(events.compactMap { $0["cat"] as? String }) == ["run", "layer", "operation"])
  }

  @Test func theTableIsForReaders() throws {
    let run = try Command("profile", "bench", "W5b", "--policy", "float32", "--seconds", "0.001")
    #expect(run.status == 0 && run.output.contains("of the roof") && run.output.contains("matmul"))
    // What the other command prints is not lost.
    #expect(run.error.contains("W5b"))
  }

  @Test func othersAreNotRun() throws {
    let run = try Command("profile", "policy", "show")
    #expect(run.status == 64 && run.error.contains("expected train, embed, similarity or bench"))
  }

  @Test func aPageThatCannotBeWritten() throws {
    let run = try Command(
      "profile", "--page", "/nowhere/p.html", "bench", "W5b", "--policy", "float32", "--seconds", "0.001")
    #expect(run.status != 0 && run.error.contains("expected to write '/nowhere/p.html'"))
  }

  @Test func twoFilesAreTwo() throws {
    let run = try Command("profile", "--page", "/nowhere/p", "--trace", "/nowhere/p", "bench", "W5b")
    #expect(run.status == 64 && run.error.contains("expected --page and --trace to name two files"))
  }
}
