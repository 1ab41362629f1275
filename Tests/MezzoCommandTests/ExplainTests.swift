import Foundation
import Testing

@Suite struct ExplainTests {
  @Test func float64StaysWithTheBuiltinBackend() throws {
    let command = try Command("explain", "--policy", "float64", "--json", environment: ["MEZZO_BACKENDS": ""])
    #expect(command.status == 0, "\(command.error)")
    let report = try command.json()
    #expect(report["policy"] as? String == "float64")
    let routes = try #require(report["routes"] as? [[String: Any]])
    let products = routes.filter { ($0["operation"] as? String)?.hasPrefix("matmul") == true }
    #expect(!products.isEmpty)
    #expect(products.allSatisfy { $0["backend"] as? String == "builtin" && $0["rule"] as? String == "matmul.f64" })
    #expect(routes.allSatisfy { $0["candidates"] == nil })
  }

  @Test func inferenceHasNoBackwardPass() throws {
    let report = try Command("explain", "--no-training", "--layers", "8", "--inputs", "16", "--json").json()
    let routes = try #require(report["routes"] as? [[String: Any]])
    #expect(Set(routes.compactMap { $0["phase"] as? String }) == ["forward"])
  }

  @Test func allTellsEachCandidateWithItsVerdict() throws {
    let report = try Command("explain", "--layers", "8", "--policy", "mixed_float16", "--all", "--json").json()
    let routes = try #require(report["routes"] as? [[String: Any]])
    for route in routes {
      let candidates = try #require(route["candidates"] as? [[String: Any]])
      #expect(candidates.count { $0["verdict"] as? String == "chosen" } == 1)
      #expect(candidates.allSatisfy { $0["why"] is String && $0["rule"] is String && $0["backend"] is String })
    }
  }

  @Test func linesFitAHundredColumns() throws {
    for policy in ["float32", "mixed_bfloat16", "mixed_float16"] {
      let output = try Command("explain", "--policy", policy, "--all", environment: ["MEZZO_BACKENDS": ""]).output
      #expect(output.contains("adam_update"))
      let long = output.split(separator: "\n").filter { $0.count > 100 }
      #expect(long.isEmpty, "\(long)")
    }
  }
}
