import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// Each reason not to take an operation comes with what would have to change.
@Suite struct HintTests {
  private func candidate(
    _ rule: Rule, _ dtype: DType = .float32, _ operand: Operand? = nil
  ) throws -> RouteRecord.Candidate {
    let operand = operand ?? Operand(dtype: dtype, shape: [4, 4])
    let runtime = Runtime(
      BackendRegistry([FakeBackend("fake", [rule])] + BackendRegistry.builtin().backends),
      options: try RoutingOptions(parsing: "fallback=silent"))
    let route = try runtime.router.route(
      OperationRequest(
        rule.code, inputs: [operand, operand], results: [Operand(dtype: operand.dtype, shape: operand.shape)]),
      origin: .init(layer: "", phase: .forward))
    return try #require(route.record.candidates.first { $0.backend == "fake" })
  }

  @Test func dtypes() throws {
    let found = try candidate(try .fake(.add, "x:T{bf16,f16} y:T -> z:T"), .float64)
    #expect(found.reason == "dtype" && found.hint?.contains("the rule takes bfloat16, float16") == true)
  }

  @Test func accumulators() throws {
    let found = try candidate(try .fake(.add, "x:f64 y:f64 -> z:f64", accumulator: .float32), .float64)
    #expect(found.reason == "accumulator" && found.hint?.contains("accumulate in float64") == true)
  }

  @Test func conditions() throws {
    let found = try candidate(try .fake(.add, "x:f32[m,n] y:f32[m,n] -> z:f32[m,n]", when: "n % 32 == 0 and m > 0"))
    #expect(found.decider?.contains("n % 32") == true && found.values == "n = 4")
    #expect(found.hint?.contains("n % 32") == true)
  }

  @Test(arguments: [
    ("contiguous(z) and row(x)", [1, 4], "x in row-major order"), ("col(x)", [4, 1], "x in column-major order"),
    ("const(y)", [4, 1], "y known to be constant"),
  ]) func layouts(_ condition: String, _ strides: [Int], _ hint: String) throws {
    // A rule that wants its first operand so and its second otherwise gets neither by copying both.
    let both = condition.contains("row") ? "\(condition) and col(y)" : condition
    let found = try candidate(
      try .fake(.add, "x:f32[m,n] y:f32[m,n] -> z:f32[m,n]", when: both), .float32,
      Operand(dtype: .float32, shape: [4, 4], strides: strides))
    #expect(found.reason == "layout")
    #expect(found.hint?.contains(hint) == true || found.hint?.contains("y in column-major") == true, "\(found)")
  }

  @Test func alignment() throws {
    var rule = try Rule.fake(.add, "x:f32 y:f32 -> z:f32")
    rule.alignment = 4096
    let found = try candidate(rule)
    #expect(found.reason == "alignment" && found.hint?.contains("64 bytes") == true)
  }
}
