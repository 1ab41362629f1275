import Foundation
import Mezzo
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

  private func explained(_ arguments: String...) throws -> (text: String, report: [String: Any]) {
    let arguments = ["policy", "explain"] + arguments
    let text = try Command(arguments: arguments)
    #expect(text.status == 0, "\(text.error)")
    return (text.output, try Command(arguments: arguments + ["--json"]).json())
  }

  /// Without the breaks of lines.
  private func words(_ text: String) -> String { text.split { $0 == " " || $0 == "\n" }.joined(separator: " ") }

  private func row(_ path: String, _ text: String) -> String {
    text.split(separator: "\n").first { $0.hasPrefix("\(path) ") }.map(String.init) ?? ""
  }

  private func casts(_ layer: [String: Any]?) -> [[String: String]] { layer?["casts"] as? [[String: String]] ?? [] }

  @Test func int8SaysWhatIsStoredAndQuantized() throws {
    let (text, report) = try explained("int8_from_float32", "--layers", "8")
    let dense = try layers(report)["dense"]
    let variables = dense?["variables"] as? [[String: String]]
    #expect(
      variables == [
        ["name": "kernel", "dtype": "int8"], ["name": "kernel_scale", "dtype": "float32"],
        ["name": "bias", "dtype": "float32"],
      ])
    #expect(
      casts(dense) == [
        ["kind": "quantized", "name": "kernel", "from": "float32", "to": "int8"],
        ["kind": "quantized", "name": "input", "from": "float32", "to": "int8"],
      ])
    #expect(row("dense", text).contains("int8, float32"))
    #expect(words(text).contains("kernel quantized float32 → int8; input quantized float32 → int8"))
    // The last layer is float32 whatever the policy, and says so.
    #expect(!row("dense_1", text).contains("int8"))
  }

  @Test func operationsInADTypeOfTheirOwnAreListed() throws {
    let (text, report) = try explained("c=bf16,op.matmul=f32", "--layers", "8")
    #expect(
      casts(try layers(report)["dense"]).contains([
        "kind": "operation", "name": "matmul", "from": "bfloat16", "to": "float32",
      ]))
    #expect(casts(try layers(report)["dense_1"]).allSatisfy { $0["kind"] != "operation" })
    #expect(words(text).contains("matmul works in float32, cast from bfloat16"))
  }

  @Test(arguments: [
    ("mixed_float16", ["compute"], "since a layer computes in float16."),
    ("params=float32,gradient=float16", ["gradient"], "since gradients are rounded to float16."),
    ("params=float32,op.matmul=float16", ["operation"], "since an operation works in float16."),
    ("params=float32,output=float16", ["output"], "since a layer returns float16."),
    (
      "c=f16,o=f32,gradient=f16", ["compute", "gradient"],
      "since a layer computes in float16 and gradients are rounded to float16."
    ),
  ])
  func lossScalingSaysWhy(policy: String, causes: [String], why: String) throws {
    let (text, report) = try explained(policy, "--layers", "8")
    let scaling = try #require(report["lossScaling"] as? [String: Any])
    #expect(scaling["causes"] as? [String] == causes)
    #expect(words(text).contains(why), "\(text)")
  }

  @Test func onlyWhatALayerWasGivenWasAskedFor() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "policies-\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try PolicyFile(map: DTypePolicyMap(default: .mixedBFloat16, ["dense": .float64])).write(to: path)
    let (text, report) = try explained(path, "--layers", "8")
    #expect(!text.contains("asked for"))
    let layers = try layers(report)
    #expect(layers["dense"]?["requested"] is NSNull && layers["dense"]?["policy"] as? String == "float64")
    #expect(layers["dense_1"]?["requested"] as? String == "float32")
  }

  /// A model made under a global policy, with one layer that has its own.
  private func savedModel(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "model-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let environment = PolicyEnvironment()
    try environment.setGlobalPolicy(.mixedBFloat16)
    let model = withPolicyEnvironment(environment) {
      Model(runtime: .builtinOnly()) {
        Dense(4, activation: .relu)
        Dense(2, policy: .float32)
      }
    }
    try model.build(input: [1, 3])
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try model.save(to: folder)
    try body(folder)
  }

  @Test func savedModelsKeepWhereTheirPoliciesCameFrom() throws {
    try savedModel { folder in
      let (text, report) = try explained("--model", folder, "--inputs", "3")
      let layers = try layers(report)
      #expect(layers["dense"]?["origin"] as? String == "global" && layers["dense"]?["requested"] is NSNull)
      #expect(layers["dense_1"]?["origin"] as? String == "own")
      #expect(layers["dense_1"]?["requested"] as? String == "float32")
      #expect(row("dense", text).contains("global") && !text.contains("asked for"))
    }
  }

  @Test func savedModelsAreShownUnderOtherPolicies() throws {
    try savedModel { folder in
      let (text, report) = try explained("mixed_float16", "--model", folder, "--inputs", "3")
      let layers = try layers(report)
      #expect(layers["dense"]?["origin"] as? String == "map" && layers["dense"]?["requested"] is NSNull)
      #expect(!row("dense", text).contains("asked for"))
      #expect(row("dense_1", text).contains("mixed_float16 (asked for float32)"))
    }
  }

  @Test func mistakesAreNamed() throws {
    let unknown = try Command("policy", "explain", "mixed_float8")
    #expect(unknown.status == 64 && unknown.error.contains("mixed_float8"))
    let missing = try Command("policy", "explain", "no/such/file.json")
    #expect(missing.status != 0 && missing.error.contains("no/such/file.json"))
  }

  @Test(arguments: [
    ("int4/0_from_float32", "block size"), ("gptq/5/32_from_float32", "bits"), ("no/such", "no/such"),
    ("op.sofmax=float32", "sofmax"), ("op.softmax=float8_e4m3fn", "to work in one of"),
  ])
  func misspeltPoliciesAreNoFiles(policy: String, part: String) throws {
    for arguments in [["policy", "explain", policy], ["policy", policy], ["explain", "--policy", policy]] {
      let command = try Command(arguments: arguments)
      #expect(command.status == 64, "\(arguments): \(command.error)")
      #expect(command.error.contains(part) && !command.error.contains("No such file"), "\(command.error)")
    }
  }

  @Test(arguments: [
    (#"{"mezzo_policy": 2, "policy": "float16"}"#, 65, "schema version 2; this Mezzo reads version 1"),
    (#"{"class_name": "Functional", "config": {"layers": []}}"#, 65, "The class \"Functional\""),
    (#"{"mezzo_policy": 1, "policy": "fp16"}"#, 65, "\"fp16\""), ("{\n  'a': 1\n}", 65, "line 2, column 3"),
    (#"{"mezzo_policy": 1, "policy": "op.sofmax=float32"}"#, 65, "cannot have op.sofmax=float32"),
    (
      #"{"mezzo_policy": 1, "map": {"default_policy": "float32", "policy_map": {"a": "op.softmax=float8_e4m3fn"}}}"#,
      65,
      "cannot have op.softmax=float8_e4m3fn: expected an operation to work in one of float16"
    ),
  ])
  func brokenFilesAreNamed(text: String, status: Int32, part: String) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "broken-\(UUID()).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(text.utf8).write(to: URL(filePath: path))
    let command = try Command("policy", "explain", path)
    #expect(command.status == status && command.error.contains(part), "\(command.error)")
    #expect(command.error.contains(path), "\(command.error)")
  }

  @Test func aRuleForNoLayerIsToldOnce() throws {
    let command = try Command("policy", "explain", "c=bf16,layer.Dence=float32", "--layers", "8")
    #expect(command.status == 0)
    #expect(command.error.split(separator: "\n").count { $0.contains("write Dense") } == 1, "\(command.error)")
  }
}
