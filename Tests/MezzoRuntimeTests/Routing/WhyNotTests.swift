import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct WhyNotTests {
  private func records(_ runtime: Runtime) throws -> [RouteRecord] {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [4, 4]), name: "x")
    let wide = trace.input(TensorType(.float64, [4, 4]), name: "wide")
    let outputs = try ["a", "b"].map { layer in
      try trace.tagged(Graph.Origin(layer: layer, phase: .forward)) {
        [try x.matmul(x), try wide.matmul(wide), try x.exp()]
      }
    }
    return try runtime.makePlan(trace.finish(outputs.flatMap { $0 })).records
  }

  @Test func groupsByReasonFromTheDearestOn() throws {
    let picky = FakeBackend(
      "picky",
      [
        try .fake(.matmul, "A:bf16[m,k] B:bf16[k,n] -> C:bf16[m,n]", when: "k % 32 == 0"),
        try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", nanoseconds: 1e9),
      ])
    let runtime = Runtime(
      BackendRegistry([picky] + BackendRegistry.builtin().backends),
      options: try RoutingOptions(parsing: "exact,fallback=silent"))
    let records = try records(runtime)
    let report = try #require(WhyNot("picky", records, registry: runtime.registry))
    #expect(report.refusal == nil && report.taken == WhyNot.Share())
    #expect(report.all.count == records.count)
    #expect(Set(report.groups.map(\.reason)) == ["layout", "dtype", "operation"])
    #expect(report.groups.last?.reason == "operation")
    let layout = try #require(report.groups.first { $0.reason == "layout" })
    #expect(layout.why.contains("k % 32") && layout.why.contains("k = 4"))
    #expect(layout.operations.count == 1 && layout.operations[0].layers == ["a", "b"])
    #expect(layout.share.count == 2 && layout.share.nanoseconds > 0)
    let dtype = try #require(report.groups.first { $0.reason == "dtype" })
    #expect(dtype.operations.allSatisfy { $0.dtypes.contains("float64") } && dtype.hint != nil)
    let times = report.groups.filter { $0.reason != "operation" }.map(\.share.nanoseconds)
    #expect(times == times.sorted(by: >))
  }

  @Test func losingOnCostIsToldToo() throws {
    let dear = FakeBackend("dear", [try .fake(.exp, "x:bf16 -> y:bf16", nanoseconds: 1e9)])
    let runtime = Runtime.with([dear])
    let report = try #require(WhyNot("dear", try records(runtime), registry: runtime.registry))
    #expect(report.groups.contains { $0.reason == "cost" && $0.share.count == 2 })
    let builtin = try #require(WhyNot("builtin", try records(runtime), registry: runtime.registry))
    #expect(builtin.taken.count == builtin.all.count && builtin.groups.isEmpty)
  }

  @Test func ofOneThatIsRefusedItSaysWhy() throws {
    let twin = FakeBackend("builtin", [])
    var registry = BackendRegistry.builtin()
    registry.load(library: "/nowhere/libabsent.so", expecting: "absent")
    registry.register(twin)
    let report = try #require(WhyNot("absent", [], registry: registry))
    #expect(report.refusal?.contains("/nowhere/libabsent.so") == true)
    #expect(WhyNot("nobody", [], registry: registry) == nil)
  }
}
