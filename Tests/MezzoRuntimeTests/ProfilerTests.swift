import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct ProfilerTests {
  private static func graph() throws -> Graph {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [4, 3]), name: "x")
    let y = try trace.tagged(Graph.Origin(layer: "model.a", phase: .forward)) { try x.exp() }
    return trace.finish([try trace.tagged(Graph.Origin(layer: "model.b", phase: .forward)) { try y.softmax() }])
  }

  @Test func everyCallAndEveryRunIsNoted() throws {
    let profiler = Profiler()
    let plan = try Runtime(.builtin(), profiler: profiler).makePlan(Self.graph())
    let x = try Tensor([Double](repeating: 1, count: 12), shape: [4, 3], dtype: .float32)
    for _ in 0..<3 { _ = try plan.run([x]) }
    let profile = profiler.profile
    #expect(profile.operations.map(\.layer) == ["model.a", "model.b"])
    #expect(profile.operations.map(\.name) == ["exp", "softmax"] && profile.operations.allSatisfy { $0.bytes == 96 })
    #expect(profile.runs.count == 3 && profile.dominantRuns.count == 2)
    for run in profile.runs {
      let calls = profile.calls(of: run)
      #expect(calls.map(\.operation) == [0, 1])
      #expect(calls[0].begin + calls[0].duration <= calls[1].begin)
    }
    let (operations, calls) = (profile.totals.map(\.nanoseconds), profile.calls.map(\.duration))
    let (inAll, ofCalls) = (operations.reduce(0, +), calls.reduce(0, +))
    #expect(inAll == ofCalls)
  }

  @Test func theLatestAreKept() throws {
    let profiler = Profiler(limit: 4)
    let plan = try Runtime(.builtin(), profiler: profiler).makePlan(Self.graph())
    let x = try Tensor([Double](repeating: 1, count: 12), shape: [4, 3], dtype: .float32)
    for _ in 0..<20 { _ = try plan.run([x]) }
    let profile = profiler.profile
    #expect((4...8).contains(profile.calls.count) && profile.calls.last?.operation == 1)
  }

  @Test func whoDoesNotProfilePaysNothing() throws {
    let plan = try Runtime(.builtin()).makePlan(Self.graph())
    for step in plan.steps { #expect(step.watched(step.operation) === step.operation) }
  }
}
