import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct CaseRecorderTests {
  private let x: Tensor
  private let w: Tensor

  init() throws {
    x = try Tensor([1, -2, 3, 4, 5, 6], shape: [2, 3], dtype: .float32)
    w = try Tensor([1, 0, 2, -1, 1, 3], shape: [2, 3], dtype: .float32)
  }

  /// Two layers: relu(x wᵀ), then its sum with itself.
  private func plan(_ recorder: CaseRecorder, backends: [any Backend] = []) throws -> Plan {
    let trace = Trace()
    let (x, w) = (trace.input(x.type, name: "x"), trace.input(w.type, name: "w", role: .constant))
    let y = try trace.tagged(Graph.Origin(layer: "net.dense", phase: .forward)) {
      try x.matmul(w.transposed()).relu()
    }
    let z = try trace.tagged(Graph.Origin(layer: "net.twice", phase: .backward)) { try y + y }
    let registry = BackendRegistry(backends + BackendRegistry.builtin().backends)
    return try Runtime(registry, recorder: recorder).makePlan(trace.finish([z]))
  }

  private func floats(_ bytes: [UInt8]) throws -> [Double] {
    try Tensor(bytes: bytes, shape: [bytes.count / 4], dtype: .float32).scalars()
  }

  @Test func whatWasAskedAndWhatCameOfItAreKept() throws {
    let recorder = CaseRecorder(.init(operation: .matmul))
    let result = try plan(recorder).run([x, w])
    let found = try #require(recorder.cases.first)
    #expect(recorder.cases.count == 1 && recorder.isFull)
    #expect(found.request.code == .matmul && found.request.epilogue == [.relu])
    #expect(found.request.inputs.map(\.shape) == [[2, 3], [3, 2]])
    #expect(found.request.inputs[1].strides == [1, 3] && found.request.inputs[1].isConstant)
    #expect(try floats(found.operands[0]) == x.scalars() && floats(found.operands[1]) == w.scalars())
    #expect(try floats(found.results[0]).map { 2 * $0 } == result[0].scalars())
    #expect(found.source.layer == "net.dense" && found.source.phase == .forward)
    #expect(found.source.backend == "builtin" && !found.source.rule.isEmpty && !found.source.backendVersion.isEmpty)
  }

  @Test func selectionsAndTheirLimitsCount() throws {
    let recorder = CaseRecorder(
      .init(layer: PathPattern("net.*"), operation: .add, phase: .backward, backend: "builtin", first: 1, limit: 2))
    let plan = try plan(recorder)
    for factor in 1...5 {
      let scaled = try Tensor(x.scalars().map { $0 * Double(factor) }, shape: [2, 3], dtype: .float32)
      _ = try plan.run([scaled, w])
    }
    // The first is passed over, and after two nothing more is looked at.
    #expect(recorder.cases.count == 2 && recorder.matches == 3)
    let firsts = try recorder.cases.map { try floats($0.results[0]).max() ?? 0 }
    #expect(firsts[0] > 0 && firsts[1] == firsts[0] * 1.5)
    #expect(recorder.passedBy.contains("net.dense matmul forward on builtin"), "\(recorder.passedBy)")
  }

  @Test func whatNobodyComputesIsNotKept() throws {
    let recorder = CaseRecorder(.init(backend: "other"))
    _ = try plan(recorder).run([x, w])
    #expect(recorder.cases.isEmpty && recorder.matches == 0 && !recorder.isFull)
  }

  @Test func operandsThatAreWrittenOverAreThoseFromBefore() throws {
    // The sum has no other reader, so that its memory is free for the result.
    let relu = CaseRecorder(.init(operation: .relu))
    let runtime = Runtime(.builtin(), recorder: relu)
    let plan = try runtime.makePlan(
      {
        let trace = Trace()
        let input = trace.input(x.type, name: "x")
        return trace.finish([try (input + input).relu()])
      }())
    _ = try plan.run([x])
    let found = try #require(relu.cases.first)
    #expect(try floats(found.operands[0]) == x.scalars().map { 2 * $0 })
    #expect(try floats(found.results[0]) == x.scalars().map { max(2 * $0, 0) })
  }

  @Test func packedOperandsAreKeptAsTheyWereBefore() throws {
    let packs = Locked(0)
    let packing = FakeBackend(
      "packing", [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]")],
      wrap: { prepared, _ in PackingOperation(prepared, bytes: 24, packs: packs) })
    let recorder = CaseRecorder(.init(operation: .matmul, backend: "packing"))
    _ = try plan(recorder, backends: [packing]).run([x, w])
    let found = try #require(recorder.cases.first)
    #expect(packs.withLock { $0 } > 0)
    #expect(try floats(found.operands[1]) == w.scalars())
    // What the backend left to the host is no part of what it was asked.
    #expect(found.request.epilogue.isEmpty)
  }
}
