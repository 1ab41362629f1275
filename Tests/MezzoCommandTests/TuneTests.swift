import Foundation
import Testing

/// `mezzo tune`, and the routes behind it.
@Suite struct TuneTests {
  @Test func whatIsMeasuredIsKeptAndRouted() throws {
    try TemplateLibrary.with { library, folder in
      let environment = ["MEZZO_BACKEND_PATH": library, "MEZZO_CACHE_DIR": folder.appending(path: "cache").path]
      let model = ["--layers", "8", "--inputs", "16", "--batch", "4"]
      func run(_ arguments: [String]) throws -> Command {
        try Command(arguments: arguments + model, backends: "only:builtin,template", environment: environment)
      }
      let tuned = try run(["tune", "--json"])
      #expect(tuned.status == 0, "\(tuned.error)")
      let report = try tuned.json()
      let operations = try #require(report["operations"] as? [[String: Any]])
      #expect(!operations.isEmpty)
      for operation in operations {
        let times = try #require(operation["times"] as? [[String: Any]])
        #expect(Set(times.compactMap { $0["backend"] as? String }) == ["builtin", "template"], "\(operation)")
        #expect(times.allSatisfy { ($0["measured"] as? Double ?? 0) > 0 && $0["how"] is String })
      }
      // What has no second rule is named with its reason.
      let untimed = try #require(report["untimed"] as? [[String: Any]])
      #expect(
        untimed.contains { $0["reason"] as? String == "one rule alone does it" && ($0["count"] as? Int ?? 0) > 0 })
      let file = try #require(report["file"] as? String)
      #expect(FileManager.default.fileExists(atPath: file))
      // What explain estimates now is what was measured.
      let measured = Set(
        operations.flatMap { ($0["times"] as? [[String: Any]] ?? []).compactMap { $0["measured"] as? Double } })
      let routes = try #require(try run(["explain", "--json"]).json()["routes"] as? [[String: Any]])
      let products = routes.filter { ($0["operation"] as? String)?.hasPrefix("matmul") == true }
      #expect(products.contains { measured.contains($0["estimatedNanoseconds"] as? Double ?? 0) }, "\(products)")

      let forgotten = try run(["tune", "--forget"])
      #expect(forgotten.status == 0)
      let text = try String(contentsOfFile: file, encoding: .utf8)
      #expect(!text.contains("matmul"), "\(text)")
    }
  }
}
