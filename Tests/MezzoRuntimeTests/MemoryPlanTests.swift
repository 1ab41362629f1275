import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoRuntime

@Suite struct MemoryPlanTests {
  /// Bytes of the arena that are in use from one step to another, both included.
  private struct Block {
    var what: String
    var bytes: Range<Int>
    var steps: ClosedRange<Int>

    /// Whether this is the operand that `other` is written over, by a step that may do so.
    func isOverwritten(by other: Block, _ steps: [Planner.Step]) -> Bool {
      let writer = self.steps.upperBound
      return other.steps.lowerBound == writer && steps[writer].allowsInPlace && bytes == other.bytes
    }
  }

  @Test(arguments: 1...24) func noTwoLiveValuesOverlap(_ seed: Int) throws {
    let runtime = Runtime.builtinOnly()
    var random = try RandomGraph(seed: UInt64(seed), operations: 30, runtime: runtime)
    let graph = random.trace.finish(random.outputs())
    let planner = try Planner(graph, router: runtime.router)
    let memory = MemoryPlan(planner, graph)
    var blocks: [Block] = []
    var unshared = 0
    for (index, step) in planner.steps.enumerated() {
      for value in step.results {
        guard case .arena(let offset)? = memory.locations[value] else { continue }
        let bytes = try #require(planner.types[value].checkedByteCount)
        unshared += max(bytes, 1)
        let last = planner.steps.lastIndex { $0.inputs.contains { $0.base == value } } ?? index
        blocks.append(
          Block(what: "value \(value)", bytes: offset..<offset + max(bytes, 1), steps: index...max(last, index)))
      }
      if case .arena(let offset)? = memory.workspaces[index] {
        let bytes = step.operation.workspaceBytes
        blocks.append(Block(what: "workspace of \(index)", bytes: offset..<offset + bytes, steps: index...index))
      }
    }
    for (place, block) in blocks.enumerated() {
      #expect(block.bytes.upperBound <= memory.arenaBytes)
      #expect(block.bytes.lowerBound % MemoryPlan.alignment == 0)
      for other in blocks[(place + 1)...] where block.steps.overlaps(other.steps) {
        let isOverwritten =
          block.isOverwritten(by: other, planner.steps) || other.isOverwritten(by: block, planner.steps)
        #expect(!block.bytes.overlaps(other.bytes) || isOverwritten, "\(block) and \(other)")
      }
    }
    #expect(memory.unsharedBytes >= unshared)
    // Each value that a step reads has a place, and one that is filled by then.
    for (index, step) in planner.steps.enumerated() {
      for view in step.inputs {
        let location = try #require(memory.locations[view.base])
        if case .arena = location {
          #expect(planner.steps[..<index].contains { $0.results.contains(view.base) })
        }
        if step.isConstant, case .arena = location { Issue.record("constant step \(index) reads the arena") }
      }
    }
  }

  @Test func poolBlocksDoNotOverlap() throws {
    let runtime = Runtime.builtinOnly()
    let trace = Trace()
    let kernel = trace.input(TensorType(.float32, [5, 3]), name: "kernel", role: .constant)
    let x = trace.input(TensorType(.bfloat16, [2, 5]), name: "x")
    let graph = trace.finish([try x.matmul((kernel * 2 + 1).cast(to: .bfloat16)) * 3])
    let planner = try Planner(graph, router: runtime.router)
    let memory = MemoryPlan(planner, graph)
    var taken: [Range<Int>] = []
    for (value, location) in memory.locations.enumerated() {
      guard case .pool(let offset)? = location else { continue }
      let range = offset..<offset + (planner.types[value].checkedByteCount ?? 0)
      #expect(range.upperBound <= memory.poolBytes)
      #expect(!taken.contains { $0.overlaps(range) })
      taken.append(range)
    }
    #expect(taken.count >= 3, "three literals; what is read by products alone may be packed and gone")
  }

  @Test func aChainIsWrittenOverItself() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [256]), name: "x")
    let y = try (0..<20).reduce(x) { value, _ in try value.tanh() }
    let plan = try Runtime.builtinOnly().plan(trace.finish([y]))
    #expect(plan.memory.arena == 1024)
    #expect(plan.memory.unshared == 19 * 1024)
    #expect(plan.memory.activations == 20 * 1024)
  }

  /// A value that is read again, twice at once, under another shape or in elements of another size stays as it is.
  @Test func whatIsStillReadIsNotWrittenOver() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 2]), name: "x")
    let a = try x.exp()
    let b = try a.tanh()
    let c = try b.transposed().tanh()
    let d = try c * c
    let wide = try (d.cast(to: .float64) + 1).cast(to: .float32)
    let runtime = Runtime.builtinOnly()
    let input = try Tensor([0, 1, 2, 3], shape: [2, 2], dtype: .float32)
    let together = try runtime.plan(trace.finish([try wide + a])).run([input])
    let apart = try [a, b, c, d, wide].map { try runtime.plan(trace.finish([$0])).run([input])[0] }
    let expected = try runtime.evaluate([apart[4], apart[0]]) { [try $0[0] + $0[1]] }
    #expect(together == expected)
    let again = try runtime.evaluate([apart[0]]) { [try $0[0].tanh()] }
    #expect(again == [apart[1]])
  }

  @Test func aViewKeepsItsValueAlive() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let base = try x.exp()
    let view = try base.transposed()
    let between = try (0..<6).reduce(x) { value, _ in try value.tanh() }
    let result = try between.transposed() + view
    let input = try Tensor([0, 1, 2, 3, 4, 5], shape: [2, 3], dtype: .float32)
    let runtime = Runtime.builtinOnly()
    let together = try runtime.plan(trace.finish([result])).run([input])
    let apart = try runtime.plan(trace.finish([between, base])).run([input])
    let expected = try runtime.evaluate(apart) { [try $0[0].transposed() + $0[1].transposed()] }
    #expect(together == expected)
  }

  @Test func copiesOfVariablesAreCountedApart() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [2, 8]), name: "x")
    let kernel = trace.input(TensorType(.float32, [8, 4]), name: "kernel", role: .state)
    let plan = try Runtime.builtinOnly().plan(trace.finish([try x.matmul(kernel.cast(to: .bfloat16))]))
    #expect(plan.memory.castVariables == 8 * 4 * 2)
    #expect(plan.memory.activations == 2 * 4 * 2)
  }

  /// Sums of such sizes would overflow, and no allocation of them may be tried.
  @Test(arguments: [1 << 50, 1 << 60]) func whatNoMachineHoldsIsAnError(_ extent: Int) throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [1]), name: "x")
    let huge = try trace.tagged(Graph.Origin(layer: "huge", phase: .forward)) {
      try x.broadcast(to: [extent]).exp() + x.broadcast(to: [extent]).tanh()
    }
    let error = #expect(throws: RuntimeError.self) { try Runtime.builtinOnly().plan(trace.finish([try huge.sum()])) }
    guard case .backend(let layer, let operation, let cause)? = error else { return }
    #expect(layer == "huge")
    #expect(operation == "exp")
    #expect(cause.kind == .outOfMemory)
  }
}
