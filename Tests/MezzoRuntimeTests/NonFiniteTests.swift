import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct NonFiniteTests {
  private let trace = Trace()

  private func float16(_ scalars: Double...) throws -> Tensor {
    try Tensor(scalars, shape: [scalars.count], dtype: .float16)
  }

  private func report(_ outputs: [SymbolicTensor], _ inputs: [Tensor]) throws -> NonFiniteReport? {
    try Runtime.builtinOnly().plan(trace.finish(outputs)).firstNonFinite(inputs, states: [])
  }

  @Test func namesTheLayerThePhaseAndTheOperation() throws {
    let x = trace.input(TensorType(.float16, [3]), name: "x")
    let fine = try trace.tagged(Graph.Origin(layer: "a", phase: .forward)) { try x + 1 }
    let square = try trace.tagged(Graph.Origin(layer: "b.c", phase: .backward)) { try fine * fine }
    let spread = try trace.tagged(Graph.Origin(layer: "d", phase: .forward)) { try square - square }
    let found = try #require(try report([spread], [try float16(1, 2, 1000)]))
    #expect(found.layer == "b.c")
    #expect(found.phase == .backward)
    #expect(found.operation == "multiply")
    #expect(found.dtype == .float16)
    #expect((found.infinities, found.nans) == (1, 0))
    #expect(found.largestFinite == 9)
    #expect(
      "\(found)" == "layer b.c, backward, multiply in float16: 1 infinite, largest finite magnitude 9.0")
    #expect(try report([spread], [try float16(1, 2, 3)]) == nil)
  }

  @Test func inputsComeFirst() throws {
    let x = trace.input(TensorType(.float16, [2]), name: "pixels")
    let found = try #require(try report([try x.exp()], [try float16(.nan, -.infinity)]))
    #expect(found.operation == "input pixels")
    #expect((found.infinities, found.nans) == (1, 1))
  }

  @Test func constantsAreLookedAtToo() throws {
    let x = trace.input(TensorType(.float16, [1]), name: "x")
    let kernel = trace.input(TensorType(.float32, [1]), name: "kernel", role: .constant)
    let narrow = try trace.tagged(Graph.Origin(layer: "dense", phase: .forward)) { try kernel.cast(to: .float16) }
    let tensors = [try float16(1), try Tensor([1e6], shape: [1], dtype: .float32)]
    let plan = try Runtime.builtinOnly().plan(trace.finish([try x + narrow]))
    _ = try plan.run(tensors)
    let found = try #require(try plan.firstNonFinite(tensors, states: []))
    #expect(found.layer == "dense")
    #expect(found.operation == "cast")
  }

  @Test func statesStayAsTheyAre() throws {
    let w = trace.input(TensorType(.float32, [2]), name: "w", role: .state)
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let graph = trace.finish(
      [], updates: [(w, try trace.tagged(Graph.Origin(layer: "sgd", phase: .update)) { try w / x })])
    let plan = try Runtime.builtinOnly().plan(graph)
    let states = [try Tensor([1, 2], shape: [2], dtype: .float32)]
    let zero = try Tensor([1, 0], shape: [2], dtype: .float32)
    let found = try #require(try plan.firstNonFinite([zero], states: states))
    #expect(found.phase == .update)
    #expect(found.operation == "divide")
    #expect(states[0].scalars() == [1, 2])
    let bad = [try Tensor([1, .infinity], shape: [2], dtype: .float32)]
    #expect(try plan.firstNonFinite([zero], states: bad)?.operation == "variable w")
  }

  @Test func wrongOperandsAreAnError() throws {
    let x = trace.input(TensorType(.float16, [1]), name: "x")
    let y = try x.exp()
    #expect(throws: RuntimeError.self) { try report([y], []) }
  }
}
