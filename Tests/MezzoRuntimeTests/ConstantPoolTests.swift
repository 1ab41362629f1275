import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct ConstantPoolTests {
  private static func tensor(_ scalars: [Double]) throws -> Tensor {
    try Tensor(scalars, shape: [2, 2], dtype: .float32)
  }

  private static func packing(_ packs: Locked<Int>) throws -> FakeBackend {
    FakeBackend(
      "packing", [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", when: "const(B) and contiguous(B)")],
      wrap: { prepared, request in
        PackingOperation(prepared, bytes: 4 * request.inputs[1].shape.reduce(1, *), packs: packs)
      })
  }

  /// Counts how often an operation of this code runs.
  private static func counting(_ code: OperationCode, _ signature: String, _ runs: Locked<Int>) throws -> FakeBackend {
    FakeBackend("counting", [try .fake(code, signature)], wrap: { prepared, _ in CountingOperation(prepared, runs) })
  }

  @Test func whatDependsOnConstantsAloneIsComputedOnce() throws {
    let runs = Locked(0)
    let runtime = Runtime.with([try Self.counting(.exp, "x:f32 -> y:f32", runs)])
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 2]), name: "x")
    let w = trace.input(TensorType(.float32, [2, 2]), name: "w", role: .constant)
    let plan = try runtime.plan(trace.finish([try x + w.exp().exp()]))
    let zero = try Self.tensor([0, 0, 0, 0])
    let first = try Self.tensor([0, 1, 0, 1])
    let results = try (0..<3).map { _ in try plan.run([zero, first]) }
    #expect(runs.withLock { $0 } == 2)
    #expect(results[0] == results[2])
    // Equal elements in another tensor count as another constant; so does what had been bound before.
    let second = try Self.tensor([1, 1, 1, 1])
    #expect(try plan.run([zero, second]) != results[0])
    #expect(runs.withLock { $0 } == 4)
    #expect(try plan.run([zero, first]) == results[0])
    #expect(runs.withLock { $0 } == 6)
  }

  /// An argument between constants finds its place, and constants that nobody computes with or packs theirs.
  @Test func boundConstantsServeManyRuns() throws {
    let runs = Locked(0)
    let runtime = Runtime.with([try Self.counting(.exp, "x:f32 -> y:f32", runs)])
    let type = TensorType(.float32, [2, 2])
    let trace = Trace()
    let w = trace.input(type, name: "w", role: .constant)
    let x = trace.input(type, name: "x")
    let v = trace.input(type, name: "v", role: .constant)
    let plan = try runtime.plan(trace.finish([try (x * v) + w.exp()]))
    let (zero, one, two) = (
      try Self.tensor([0, 0, 0, 0]), try Self.tensor([1, 1, 1, 1]), try Self.tensor([2, 3, 4, 5])
    )
    let scalar = try Tensor(1, dtype: .float32)
    let (first, second) = (try plan.bind([zero, one]), try plan.bind([zero, two]))
    #expect(runs.withLock { $0 } == 2)
    for _ in 0..<2 {
      #expect(try plan.run([two], with: first)[0].scalars() == [3, 4, 5, 6])
      #expect(try plan.run([one], with: second)[0].scalars() == [3, 4, 5, 6])
      #expect(try plan.run([one], with: first)[0].scalars() == [2, 2, 2, 2])
    }
    #expect(runs.withLock { $0 } == 2)
    #expect(try plan.run([zero, two, one])[0].scalars() == [3, 4, 5, 6])
    #expect(throws: RuntimeError.self) { try plan.bind([zero]) }
    #expect(throws: RuntimeError.self) { try plan.bind([zero, scalar]) }
    #expect(throws: RuntimeError.self) { try plan.run([two, two], with: first) }
    #expect(throws: RuntimeError.self) { try plan.run([scalar], with: first) }
  }

  @Test func literalsAreConstants() throws {
    let runs = Locked(0)
    let runtime = Runtime.with([try Self.counting(.exp, "x:f32 -> y:f32", runs)])
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 2]), name: "x")
    let plan = try runtime.plan(trace.finish([try x * trace.constant(0, dtype: .float32).exp()]))
    let input = try Self.tensor([1, 2, 3, 4])
    for _ in 0..<3 { #expect(try plan.run([input]) == [input]) }
    #expect(runs.withLock { $0 } == 1)
  }

  @Test func aWriteToAConstantsCopyDoesNotReachThePlan() throws {
    let trace = Trace()
    let w = trace.input(TensorType(.float32, [2, 2]), name: "w", role: .constant)
    let plan = try Runtime.builtinOnly().plan(trace.finish([try w * 2]))
    var weights = try Self.tensor([1, 2, 3, 4])
    #expect(try plan.run([weights])[0].scalars() == [2, 4, 6, 8])
    // The plan holds the tensor, so the write goes to a copy, which is another constant.
    weights.uniqueStorage().bytes.storeBytes(of: Float(10), as: Float.self)
    #expect(try plan.run([weights])[0].scalars() == [20, 4, 6, 8])
  }

  @Test func constantOperandsArePackedOnce() throws {
    let packs = Locked(0)
    let runtime = Runtime.with([try Self.packing(packs)])
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 2]), name: "x")
    let w = trace.input(TensorType(.float32, [2, 2]), name: "w", role: .constant)
    let plan = try runtime.plan(trace.finish([try x.matmul(w)]))
    #expect(plan.records[0].backend == "packing")
    #expect(plan.records[0].isPacked)
    let (a, b) = (try Self.tensor([1, 2, 3, 4]), try Self.tensor([0, 1, 1, 0]))
    for _ in 0..<3 { #expect(try plan.run([a, b])[0].scalars() == [2, 1, 4, 3]) }
    #expect(packs.withLock { $0 } == 1)
    #expect(try plan.run([a, a])[0].scalars() == [7, 10, 15, 22])
    #expect(packs.withLock { $0 } == 2)
  }

  /// The product of two constants is folded, and even then its plan gets the packed operand that it asked for.
  @Test func foldedStepsArePackedToo() throws {
    let packs = Locked(0)
    let runtime = Runtime.with([try Self.packing(packs)])
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 2]), name: "x")
    let w = trace.input(TensorType(.float32, [2, 2]), name: "w", role: .constant)
    let plan = try runtime.plan(trace.finish([try x + w.matmul(w * 2)]))
    #expect(plan.records.contains { $0.isPacked })
    let (a, b) = (try Self.tensor([0, 0, 0, 1]), try Self.tensor([1, 2, 3, 4]))
    for _ in 0..<2 { #expect(try plan.run([a, b])[0].scalars() == [14, 20, 30, 45]) }
    #expect(packs.withLock { $0 } == 1)
  }
}
