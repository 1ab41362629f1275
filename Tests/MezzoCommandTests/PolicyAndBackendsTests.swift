import Foundation
import Testing

@Suite struct PolicyAndBackendsTests {
  @Test func policiesAreListed() throws {
    let command = try Command("policy", "--json")
    #expect(command.status == 0)
    let policies = try command.jsonList()
    let mixed = try #require(policies.first { $0["name"] as? String == "mixed_float16" })
    #expect(mixed["computeDType"] as? String == "float16" && mixed["variableDType"] as? String == "float32")
    #expect(mixed["lossScaling"] as? Bool == true)
    #expect(policies.contains { $0["name"] as? String == "_infer" && $0["computeDType"] is NSNull })
    let text = try Command("policy").output
    #expect(text.contains("mixed_bfloat16") && text.contains("by default: float32"))
  }

  @Test func policyIsShown() throws {
    let report = try Command("policy", "mixed_bfloat16", "--json").json()
    #expect(report["lossScaling"] as? Bool == false)
    let matmul = try #require(report["matmul"] as? [String: Any])
    #expect(matmul["backend"] as? String == "builtin" && matmul["rule"] is String)
    // An alias keeps its name; a dtype that no backend multiplies has no rule.
    #expect(try Command("policy", "half", "--json").json()["name"] as? String == "half")
    let int32 = try Command("policy", "int32", "--json")
    #expect(int32.status == 0)
    #expect(try (int32.json()["matmul"] as? [String: Any])?["backend"] is NSNull)
  }

  @Test func backendsAreListedWithWhatTheyTake() throws {
    let command = try Command("backends", "--json")
    #expect(command.status == 0)
    let builtin = try #require(try command.jsonList().first { $0["name"] as? String == "builtin" })
    #expect(try #require(builtin["rules"] as? Int) > 20)
    let operations = try #require(builtin["operations"] as? [[String: Any]])
    let matmul = try #require(operations.first { $0["name"] as? String == "matmul" })
    #expect(matmul["dtypes"] as? [String] == ["float16", "bfloat16", "float32", "float64"])
  }

  @Test func refusedBackendSaysWhy() throws {
    let command = try Command("backends", environment: ["MEZZO_BACKEND_PATH": "relative.so"])
    #expect(command.status == 0)
    #expect(command.output.contains("refused") && command.output.contains("absolute paths only"))
  }
}
