import Foundation
import Testing

@Suite struct PolicyExplainTests {
  private func layers(_ report: [String: Any]) throws -> [String: [String: Any]] {
    let layers = try #require(report["layers"] as? [[String: Any]])
    return Dictionary(
      uniqueKeysWithValues: layers.compactMap { layer in (layer["path"] as? String).map { ($0, layer) } })
  }

  @Test func layersSayWhatTheyFollowAndWhy() throws {
    let report = try Command("policy", "explain", "mixed_float16", "--layers", "8", "--json").json()
    let layers = try layers(report)
    let dense = try #require(layers["dense"])
    #expect(dense["computeDType"] as? String == "float16" && dense["variableDType"] as? String == "float32")
    #expect(dense["origin"] as? String == "scope")
    let casts = try #require(dense["casts"] as? [[String: String]])
    #expect(casts.contains(["kind": "variable", "name": "kernel", "from": "float32", "to": "float16"]))
    #expect(layers["dense_1"]?["origin"] as? String == "own")
    #expect((report["lossScaling"] as? [String: Any])?["initialScale"] as? Double == 32768)
    let bfloat16 = try Command("policy", "explain", "mixed_bfloat16", "--layers", "8", "--json").json()
    #expect(bfloat16["lossScaling"] is NSNull)
    #expect(try self.layers(Command("policy", "explain", "--json").json())["dense"]?["origin"] as? String == "floatx")
  }

  @Test func filesOfPoliciesByPathAreRead() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "policies-\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(
      #"{"mezzo_policy": 1, "map": {"default_policy": "mixed_bfloat16", "policy_map": {"dense": "float32"}}}"#.utf8
    ).write(to: URL(filePath: path))
    let layers = try layers(Command("policy", "explain", path, "--layers", "8,8", "--json").json())
    #expect(layers["dense"]?["policy"] as? String == "float32" && layers["dense"]?["origin"] as? String == "map")
    #expect(layers["dense_1"]?["policy"] as? String == "mixed_bfloat16")
  }

  @Test func textFitsAndNamesTheCasts() throws {
    let text = try Command("policy", "explain", "c=bf16,o=f32").output
    #expect(text.contains("kernel stored float32, read bfloat16") && text.contains("output bfloat16 → float32"))
    #expect(text.contains("Loss scaling: none"))
  }

  @Test func mistakesAreNamed() throws {
    let unknown = try Command("policy", "explain", "mixed_float8")
    #expect(unknown.status == 64 && unknown.error.contains("mixed_float8"))
    let missing = try Command("policy", "explain", "no/such/file.json")
    #expect(missing.status != 0 && missing.error.contains("no/such/file.json"))
  }
}
