import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

/// A backend that takes a plan and then declines to execute it is not a backend that fails.
@Suite struct SubstituteTests {
  /// Executes `runs` times and answers `status` after that.
  private final class FickleOperation: WrappedOperation, @unchecked Sendable {
    private let calls: Locked<Int>
    private let runs: Int
    private let status: Int

    init(_ inner: any PreparedOperation, _ calls: Locked<Int>, runs: Int, status: Int, packing: Packing? = nil) {
      self.calls = calls
      self.runs = runs
      self.status = status
      super.init(inner, packing: packing)
    }

    override func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
      let call = calls.withLock { calls in
        calls += 1
        return calls
      }
      if call <= runs { return super.execute(frame) }
      return mezzo_status(status)
    }
  }

  private let calls = Locked(0)
  private let input: Tensor
  private let weights: Tensor

  init() throws {
    input = try Tensor([1, -2, 3, 4], shape: [2, 2], dtype: .float32)
    weights = try Tensor([0, 1, 1, 0], shape: [2, 2], dtype: .float32)
  }

  private func plan(runs: Int, status: Int, packs: Bool = false, builtin: Bool = true) throws -> Plan {
    let fake = FakeBackend(
      "fickle",
      [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", epilogue: [.bias(operand: 2), .relu])],
      wrap: { [calls] prepared, _ in
        FickleOperation(
          prepared, calls, runs: runs, status: status,
          packing: packs ? Packing(operand: 1, bytes: 16, key: [0, 0]) : nil)
      })
    let trace = Trace()
    let x = trace.input(input.type, name: "x")
    let w = trace.input(weights.type, name: "w", role: .constant)
    let bias = trace.input(TensorType(.float32, [2]), name: "bias")
    return try Runtime.with([fake], builtin: builtin).makePlan(trace.finish([try (x.matmul(w) + bias).relu()]))
  }

  private func run(_ plan: Plan) throws -> [Double] {
    try plan.run([input, weights, try Tensor([10, -1], shape: [2], dtype: .float32)])[0].scalars()
  }

  @Test(arguments: [0, 1, 2], [false, true]) func whatIsDeclinedIsDoneElsewhere(runs: Int, packs: Bool) throws {
    let plan = try plan(runs: packs ? 0 : runs, status: MEZZO_UNSUPPORTED, packs: packs)
    for _ in 0..<4 { #expect(try run(plan) == [8, 0, 14, 2]) }
    #expect(plan.declines.map(\.backend) == ["fickle"])
    #expect(plan.declines[0].substitute == "builtin")
    // The plan that declined is not asked again.
    #expect(calls.withLock { $0 } == (packs ? 1 : runs + 1))
  }

  @Test func whatFailsHasFailed() throws {
    let plan = try plan(runs: 1, status: MEZZO_INTERNAL)
    #expect(try run(plan) == [8, 0, 14, 2])
    let error = #expect(throws: RuntimeError.self) { try run(plan) }
    guard case .backend(_, _, let cause)? = error else {
      Issue.record("\(String(describing: error)) is no backend's error")
      return
    }
    #expect(!cause.isDecline)
    #expect(plan.declines.isEmpty)
  }

  @Test func withoutASubstituteTheReasonIsTold() throws {
    let plan = try plan(runs: 0, status: MEZZO_UNSUPPORTED, builtin: false)
    let error = #expect(throws: RuntimeError.self) { try run(plan) }
    #expect(error?.description.contains("fickle") == true)
  }
}
