import Foundation
import Testing

@Suite struct ConformTests {
  /// Two cases that Mezzo does right, one that it does wrong by this file, one that it differs in, and one of a group that
  /// there is not.
  private static let cases = """
    {"format": 1, "cases": [
      {"id": "right", "group": "global.script", "system": "tf24", "input": {"ops": [["global"]]},
       "expect": {"results": [{"ok": ["float32", "float32", "float32"]}]}},
      {"id": "also-right", "group": "cast", "system": "keras3",
       "input": {"from": "float32", "to": "float16", "values": [1.0]},
       "expect": {"ok": {"from": {"dtype": "float32", "shape": [1], "data": [1.0]},
                         "to": {"dtype": "float16", "shape": [1], "data": [1.0]}}}},
      {"id": "wrong", "group": "global.script", "system": "tf24", "input": {"ops": [["floatx"]]},
       "expect": {"results": [{"ok": "float64"}]}},
      {"id": "different", "group": "global.script", "system": "keras3",
       "input": {"ops": [["set", "float16"], ["thread_global"]]},
       "expect": {"results": [{"ok": null}, {"ok": {"ok": "float32"}}]}},
      {"id": "unknown", "group": "no.such", "system": "tf24", "input": {}, "expect": {"ok": null}}
    ]}
    """

  private func withFile<R>(_ text: String = cases, _ body: (String) throws -> R) throws -> R {
    let file = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString).json")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path)
  }

  @Test func failingCasesAreShownAndCounted() throws {
    let command = try withFile { try Command("conform", "golden", $0) }
    #expect(command.status == 1)
    #expect(command.output.hasSuffix("2 passed, 1 failed, 0 skipped, 1 different by design, 1 unsupported\n"))
    for part in ["wrong\n", "\"float64\"", "\"float32\"", "results[0].ok", "1 case of groups", "no.such (1)"] {
      #expect(command.output.contains(part), "\(part) is missing")
    }
    #expect(!command.output.contains("\nright"))
    #expect(command.error == "error: 1 golden case failed\n")
  }

  @Test func jsonHasCountsByGroupAndSystem() throws {
    let report = try withFile { try Command("conform", "golden", $0, "--json").json() }
    let counts = ["passed": 2, "failed": 1, "skipped": 0, "differentByDesign": 1, "unsupported": 1]
    for (name, count) in counts { #expect(report[name] as? Int == count) }
    let failing = try #require((report["failing"] as? [[String: Any]])?.first)
    #expect(failing["id"] as? String == "wrong" && failing["group"] as? String == "global.script")
    #expect(failing["system"] as? String == "tf24")
    #expect(failing["expected"] is [String: Any] && failing["got"] is [String: Any])
    let groups = try #require(report["groups"] as? [String: [String: Any]])
    let systems = try #require(report["systems"] as? [String: [String: Any]])
    #expect(groups["global.script"]?["failed"] as? Int == 1 && groups["cast"]?["passed"] as? Int == 1)
    #expect(groups["global.script"]?["failing"] as? [String] == ["wrong"])
    #expect(systems["tf24"]?["passed"] as? Int == 1 && systems["keras3"]?["differentByDesign"] as? Int == 1)
  }

  @Test func groupsAndSystemsAreChosen() throws {
    try withFile { file in
      let keras = try Command("conform", "golden", file, "--system", "keras3")
      #expect(keras.status == 0)
      #expect(keras.output.hasSuffix("1 passed, 0 failed, 0 skipped, 1 different by design\n"))
      let both = try Command("conform", "golden", file, "--group", "glob*", "--group", "cast", "--json").json()
      #expect(both["passed"] as? Int == 2 && both["failed"] as? Int == 1 && both["unsupported"] as? Int == 0)
      let none = try Command("conform", "golden", file, "--group", "global")
      #expect(none.status == 64)
      #expect(none.error.contains("cast, global.script, no.such") && none.error.contains("keras3, tf24"))
    }
  }

  @Test func filesThatAreNoneHaveTheirOwnStatus() throws {
    #expect(try Command("conform", "golden", "/nonexistent/cases.json").status == 66)
    try withFile("{\"format\": 2}") { file in
      let command = try Command("conform", "golden", file)
      #expect(command.status == 65 && command.error.contains("format 2"))
    }
    #expect(try withFile("nonsense") { try Command("conform", "golden", $0) }.status == 65)
  }

  @Test func fileWithoutCasesPasses() throws {
    let command = try withFile("{\"format\": 1, \"cases\": []}") { try Command("conform", "golden", $0) }
    #expect(command.status == 0)
    #expect(command.output.hasSuffix("0 passed, 0 failed, 0 skipped, 0 different by design\n"))
  }

  @Test func differencesAreListed() throws {
    let text = try Command("conform", "differences")
    #expect(text.status == 0 && text.output.contains("Scopes belong to a task") && text.output.contains("pythonType"))
    let report = try Command("conform", "differences", "--json").json()
    let differences = try #require(report["differences"] as? [[String: Any]])
    #expect(differences.contains { $0["groups"] as? [String] == ["cast"] })
    #expect(try Command("conform", "differences", "--markdown").output.hasPrefix("# Where Mezzo differs\n"))
    #expect(try Command("conform", "differences", "--markdown", "--json").status == 64)
  }
}
