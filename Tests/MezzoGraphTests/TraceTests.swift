import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoGraph

@Suite struct TraceTests {
  @Test func tagsNestAndEnd() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let outer = Graph.Origin(layer: "model", phase: .forward)
    let inner = Graph.Origin(layer: "model.dense", phase: .backward)
    _ = try trace.tagged(outer) {
      _ = try x.exp()
      _ = try trace.tagged(inner) { try x.log() }
      return try x.abs()
    }
    _ = try x.negated()
    let origins = trace.finish([]).nodes.map(\.origin)
    #expect(origins == [outer, inner, outer, Graph.Origin(layer: "", phase: .forward)])
  }

  @Test func aTagEndsWithAnErrorToo() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.int32, [2]), name: "x")
    #expect(throws: GraphError.self) {
      try trace.tagged(Graph.Origin(layer: "a", phase: .forward)) { _ = try x.exp() }
    }
    #expect(trace.origin.layer.isEmpty)
  }

  @Test func constantsAreSharedByBits() throws {
    let trace = Trace()
    let one = try trace.constant(1, dtype: .float32)
    #expect(try trace.constant(1, dtype: .float32).id == one.id)
    #expect(try trace.constant(1, dtype: .bfloat16).id != one.id)
    #expect(try trace.constant(.nan, dtype: .float32).id == trace.constant(.nan, dtype: .float32).id)
    #expect(try trace.constant(0, dtype: .float32).id != trace.constant(-0.0, dtype: .float32).id)
  }

  @Test func tracesDoNotMix() throws {
    let x = Trace().input(TensorType(.float32, []), name: "x")
    let other = Trace()
    let y = other.input(TensorType(.float32, []), name: "y")
    #expect(throws: GraphError(.differentTraces(operation: "add"))) { try x + y }
    #expect(throws: GraphError(.differentTraces(operation: "gradients"))) { try other.gradients(of: x, by: [y]) }
    #expect(throws: GraphError(.differentTraces(operation: "gradients"))) { try other.gradients(of: y, by: [x]) }
  }

  @Test func finishPairsStatesWithUpdates() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let state = trace.input(TensorType(.float32, [2]), name: "state", role: .state)
    let sum = try x + state
    let graph = trace.finish([sum], updates: [(state, sum), (x, sum)])
    // `x` is the caller's: a run must not replace it.
    #expect(graph.updates == [Graph.Update(input: 1, value: sum.id)])
    #expect(graph.outputs == [sum.id])
    #expect(graph.inputs.map(\.role) == [.argument, .state])
    #expect(graph.values == [TensorType](repeating: TensorType(.float32, [2]), count: 3))

    let constant = trace.input(TensorType(.float32, [2]), name: "constant", role: .constant)
    #expect(trace.finish([sum], updates: [(constant, sum)]).inputs.map(\.role) == [.argument, .state, .state])
    #expect(trace.finish([sum]).inputs.map(\.role) == [.argument, .state, .constant])
  }

  @Test func equalGraphsAreEqual() throws {
    func graph(_ factor: Double, _ layer: String) throws -> Graph {
      let trace = Trace()
      let x = trace.input(TensorType(.float32, [2]), name: "x")
      return trace.finish([
        try trace.tagged(Graph.Origin(layer: layer, phase: .forward)) { try (x * factor).softmax() }
      ])
    }
    #expect(try graph(2, "a") == graph(2, "a"))
    #expect(try graph(2, "a").hashValue == graph(2, "a").hashValue)
    #expect(try graph(2, "a") != graph(3, "a"))
    #expect(try graph(2, "a") != graph(2, "b"))
    #expect(try graph(0, "a") != graph(-0.0, "a"))
    #expect(try graph(.nan, "a") == graph(.nan, "a"))
  }

  @Test func aTraceGoesWithItsLastTensor() throws {
    weak var known: Trace?
    func trace() throws {
      let trace = Trace()
      known = trace
      let x = trace.input(TensorType(.float32, [2]), name: "x")
      #expect(try (x * 3).id != (x * 4).id)
      #expect(try trace.constant(3, dtype: .float32).id == trace.constant(3, dtype: .float32).id)
    }
    try trace()
    #expect(known == nil)
  }
}
