import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct PlanTests {
  @Test(arguments: 1...16) func aPlanGivesWhatItsOperationsGiveOneByOne(_ seed: Int) throws {
    let runtime = Runtime.builtinOnly()
    var random = try RandomGraph(seed: UInt64(seed), operations: 30, runtime: runtime)
    let outputs = random.outputs()
    let plan = try runtime.plan(random.trace.finish(outputs))
    let found = try plan.run(random.inputs)
    for (index, output) in outputs.enumerated() {
      let expected = try random.value(of: output)
      #expect(found[index] == expected, "output \(index) \(output.type) of seed \(seed)")
    }
    #expect(try plan.run(random.inputs) == found)
  }

  @Test func outputsMayBeAnything() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let constant = trace.input(TensorType(.int32, [2]), name: "constant", role: .constant)
    let y = try x * 2
    let outputs = [
      x, try trace.constant(7, dtype: .bfloat16), try y.transposed(), y, y, try y.reshaped([6]), constant,
      try x.sum(axes: [0]).broadcast(to: [2, 3]), try trace.constant(1, dtype: .int64).broadcast(to: [2]),
      try constant + 1,
    ]
    let plan = try Runtime.builtinOnly().plan(trace.finish(outputs))
    let input = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3], dtype: .float32)
    let fixed = try Tensor([8, 9], shape: [2], dtype: .int32)
    for _ in 0..<2 {
      let found = try plan.run([input, fixed])
      #expect(found.map(\.type) == outputs.map(\.type))
      #expect(
        found.map { $0.scalars() } == [
          [1, 2, 3, 4, 5, 6], [7], [2, 8, 4, 10, 6, 12], [2, 4, 6, 8, 10, 12], [2, 4, 6, 8, 10, 12],
          [2, 4, 6, 8, 10, 12], [8, 9], [5, 7, 9, 5, 7, 9], [1, 1], [9, 10],
        ])
      // Each is the caller's own, to be written without a thought for the others.
      #expect(Set(found.map { ObjectIdentifier($0.storage) }).count == found.count)
      #expect(found[0].storage !== input.storage)
    }
  }

  @Test func wrongOperandsAreRefused() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let state = trace.input(TensorType(.float32, [2]), name: "w", role: .state)
    let plan = try Runtime.builtinOnly().plan(trace.finish([try x + state], updates: [(state, try state * 2)]))
    let good = try Tensor([1, 2], shape: [2], dtype: .float32)
    let bad = try Tensor([1, 2], shape: [2], dtype: .float16)
    func message(_ inputs: [Tensor], _ states: [Tensor]) -> String {
      var states = states
      do throws(RuntimeError) {
        _ = try plan.run(inputs, states: &states)
        return "nothing was wrong"
      } catch {
        return "\(error)"
      }
    }
    #expect(message([good], [good]) == "nothing was wrong")
    #expect(message([], [good]) == "the plan takes 2 tensors, 1 came")
    #expect(message([good, good], []) == "the plan takes 2 tensors, 2 came")
    #expect(message([bad], [good]) == "input x is planned as float32[2], float16[2] came")
    #expect(message([good], [bad]) == "input w is planned as float32[2], float16[2] came")
    #expect(throws: RuntimeError.self) { try plan.run([good]) }
  }

  @Test func scalarsAndEmptyTensors() throws {
    let runtime = Runtime.builtinOnly()
    let scalar = try Tensor(3, dtype: .float32)
    #expect(try runtime.evaluate([scalar]) { [try ($0[0] * $0[0]).sqrt() + 1] } == [Tensor(4, dtype: .float32)])
    let empty = try Tensor([], shape: [0, 3], dtype: .float32)
    let kernel = try Tensor([1, 2, 3, 4, 5, 6], shape: [3, 2], dtype: .float32)
    let bias = try Tensor([7, 8], shape: [2], dtype: .float32)
    let results = try runtime.evaluate([empty, kernel, bias]) { s in
      [
        try (s[0].matmul(s[1]) + s[2]).relu(), try s[0].sum(), try s[0].sum(axes: [0]), try s[0].transposed().exp(),
        // A product over an empty axis: sums of nothing, and the bias.
        try (s[1].transposed().matmul(s[1]) * 0 + s[0].transposed().matmul(s[0]).sum()), try s[0].softmax(),
        try s[0].max(), try s[0].allFinite(), try s[0].reshaped([3, 0, 5]),
      ]
    }
    #expect(results[0].shape == [0, 2])
    #expect(try results[1].scalar() == 0)
    #expect(results[2].scalars() == [0, 0, 0])
    #expect(results[3].shape == [3, 0])
    #expect(results[4].scalars() == [0, 0, 0, 0])
    #expect(results[5].count == 0)
    #expect(try results[6].scalar() == -.infinity)
    #expect(try results[7].scalar() == 1)
    #expect(results[8].shape == [3, 0, 5])
  }

  @Test func deadOperationsAreNotPlanned() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    _ = try x.exp().log()
    let plan = try Runtime.builtinOnly().plan(trace.finish([try x.tanh()]))
    #expect(plan.records.map(\.operation) == ["tanh"])
  }

  @Test func eachConversionIsDoneOnce() throws {
    let wide = FakeBackend(
      "wide",
      [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]"), try .fake(.cast, "x:T{bf16,f32} -> y:U{bf16,f32}")])
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [2, 3]), name: "x")
    let kernels = (0..<2).map { trace.input(TensorType(.bfloat16, [3, 3]), name: "kernel \($0)") }
    let outputs = try kernels.map { try x.matmul($0) } + [try x.transposed().matmul(x)]
    let plan = try Runtime.with([wide], builtin: false).plan(trace.finish(outputs))
    // x and the kernels to float32, once each whatever the view; the three products back.
    #expect(plan.records.map(\.operation).count { $0 == "matmul" } == 3)
    #expect(plan.records.map(\.operation).count { $0 == "cast" } == 6)
    let shapes: [[Int]] = [[2, 3], [3, 3], [3, 3]]
    let tensors = try shapes.map { shape in
      let values = (0..<shape.reduce(1, *)).map { (place: Int) -> Double in Double(place % 5) - 2 }
      return try Tensor(values, shape: shape, dtype: .bfloat16)
    }
    #expect(try plan.run(tensors) == Runtime.builtinOnly().plan(trace.finish(outputs)).run(tensors))
  }

  @Test func manyThreadsGetTheSameBits() throws {
    let runtime = Runtime.builtinOnly()
    var random = try RandomGraph(seed: 99, operations: 40, runtime: runtime)
    let plan = try runtime.plan(random.trace.finish(random.outputs()))
    let inputs = random.inputs
    // Other constants than those of the neighbours, so that pools are exchanged under running threads.
    let others = try inputs.map { try Tensor($0.scalars().map { -$0 }, shape: $0.shape, dtype: $0.dtype) }
    let expected = [try plan.run(inputs), try plan.run(others)]
    let wrong = Locked(0)
    concurrently(8) { thread in
      for _ in 0..<50 {
        if (try? plan.run(thread % 4 == 3 ? others : inputs)) != expected[thread % 4 == 3 ? 1 : 0] {
          wrong.withLock { $0 += 1 }
        }
      }
    }
    #expect(wrong.withLock { $0 } == 0)
  }

  @Test func plansAreKept() throws {
    let runtime = Runtime.builtinOnly()
    func graph(_ factor: Double) throws -> Graph {
      let trace = Trace()
      let x = trace.input(TensorType(.float32, [2]), name: "x")
      return trace.finish([try x * factor])
    }
    let first = try runtime.plan(try graph(2))
    #expect(try runtime.plan(try graph(2)) === first)
    #expect(try runtime.plan(try graph(3)) !== first)
    #expect(try Runtime.builtinOnly().plan(try graph(2)) !== first)
    let x = try Tensor([1, 2], shape: [2], dtype: .float32)
    #expect(try runtime.plan(try graph(0)).run([x])[0].scalars().map(\.sign) == [.plus, .plus])
    #expect(try runtime.plan(try graph(-0.0)).run([x])[0].scalars().map(\.sign) == [.minus, .minus])
  }

  @Test func aFailureOfABackendNamesTheLayer() throws {
    let failing = FakeBackend(
      "failing", [try .fake(.exp, "x:f32 -> y:f32")], wrap: { prepared, _ in FailingOperation(prepared) })
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let y = try trace.tagged(Graph.Origin(layer: "encoder.1", phase: .forward)) { try x.exp() }
    let plan = try Runtime.with([failing], builtin: false).plan(trace.finish([y]))
    let input = try Tensor([1, 2], shape: [2], dtype: .float32)
    let error = #expect(throws: RuntimeError.self) { try plan.run([input]) }
    guard case .backend(let layer, let operation, let cause)? = error else { return }
    #expect(layer == "encoder.1")
    #expect(operation == "exp")
    #expect(cause.kind == .failed(status: 4))
  }
}
