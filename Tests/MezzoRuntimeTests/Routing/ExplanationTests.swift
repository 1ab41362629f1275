import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct ExplanationTests {
  @Test func saysForEachOperationWhoDoesItAndWhy() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [2, 3]), name: "x")
    let kernel = trace.input(TensorType(.bfloat16, [3, 3]), name: "kernel")
    let y = try trace.tagged(Graph.Origin(layer: "model.0", phase: .forward)) {
      try x.matmul(kernel).relu().exp().exp()
    }
    let wide = FakeBackend("wide", [try .fake(.exp, "x:f32 -> y:f32")])
    let twin = FakeBackend("wide", [])
    let runtime = Runtime(BackendRegistry([wide, twin] + Runtime.builtinOnly().registry.backends))
    let plan = try runtime.plan(trace.finish([y]))
    let explanation = Explanation(plan, on: runtime)
    #expect(explanation.records.count == plan.records.count)
    let repeated = try #require(explanation.distinct.first { $0.record.operation == "exp" })
    #expect(repeated.count == 2)
    let text = explanation.description
    for part in [
      "layer", "model.0", "matmul+relu", "exp ×2", "builtin/", "refused  wide: there is already a backend wide",
    ] {
      #expect(text.contains(part), "\(part) in\n\(text)")
    }
  }

  @Test func saysWhoseThreadsCompute() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let graph = trace.finish([try x.exp().relu()])
    func threads(_ fakes: [FakeBackend], budget: Int = 2) throws -> ThreadPools {
      let runtime = Runtime(BackendRegistry(fakes + BackendRegistry.builtin().backends), threads: budget)
      return Explanation(try runtime.makePlan(graph), on: runtime).threads
    }
    let idle = FakeBackend("idle", [try .fake(.tanh, "x:f32 -> y:f32", traits: [.reentrant, .ownThreads])])
    #expect(try threads([idle]).own.isEmpty)
    #expect("\(try threads([idle]))" == "2, Mezzo's own")
    let busy = FakeBackend("busy", [try .fake(.exp, "x:f32 -> y:f32", traits: [.reentrant, .ownThreads])])
    let pools = try threads([busy, idle])
    #expect(pools.own == ["busy"] && pools.shared == ["builtin"] && pools.budget == 2)
    #expect("\(pools)".hasPrefix("2 in one budget: pools of busy") && "\(pools)".hasSuffix("and of Mezzo take turns"))
    #expect("\(try threads([busy], budget: 1))".hasPrefix("1: the threads of busy"))
  }

  @Test func columnsAreAsWideAsTheirWidestCell() {
    let table = TextTable(
      header: ["a", "long", "last"], rows: [["xxx", "y", "z"], ["1", "2", "a longer last cell"]])
    let lines = table.description.split(separator: "\n").map(String.init)
    #expect(lines[0] == "a    long  last")
    #expect(lines[2] == "xxx  y     z")
    #expect(lines[3] == "1    2     a longer last cell")
  }
}
