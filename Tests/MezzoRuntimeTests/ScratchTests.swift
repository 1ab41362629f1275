import CMezzoABI
import MezzoBackend
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// What is computed from constants only to be packed goes afterwards, and comes back where somebody asks for it.
@Suite struct ScratchTests {
  /// Declines when it comes to it.
  private final class DecliningOperation: WrappedOperation, @unchecked Sendable {
    override func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
      mezzo_status(MEZZO_UNSUPPORTED)
    }
  }

  private static let bytes = 3 * 4 * 4

  private func backend(declines: Bool, packs: Locked<Int> = Locked(0)) throws -> FakeBackend {
    FakeBackend(
      "packing", [try .fake(.matmul, "A:f32[m,k] B:f32[k,n] -> C:f32[m,n]", when: "const(B) and contiguous(B)")],
      wrap: { prepared, _ in
        declines
          ? DecliningOperation(prepared, packing: Packing(operand: 1, bytes: Self.bytes, key: [0, 0]))
          : PackingOperation(prepared, bytes: Self.bytes, packs: packs)
      })
  }

  /// Three products in a row, each with weights computed from the last one's, so that memory is used again in between.
  private func graph() throws -> Graph {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let w = trace.input(TensorType(.float64, [3, 4]), name: "w", role: .constant)
    let first = try (w * 2).cast(to: .float32)
    let second = try (first + 1).exp()
    let third = try second.tanh() * first
    return trace.finish([try x.matmul(first), try x.matmul(second) + x.matmul(third)])
  }

  private let x: Tensor
  private let weights: [Tensor]

  init() throws {
    x = try Tensor([1, -2, 3, 4, 5, -6], shape: [2, 3], dtype: .float32)
    weights = try [0.25, -0.5].map { factor in
      try Tensor((0..<12).map { factor * Double($0 - 5) }, shape: [3, 4], dtype: .float64)
    }
  }

  private func expected(_ weights: Tensor) throws -> [Tensor] {
    try Runtime.builtinOnly().makePlan(graph()).run([x, weights])
  }

  @Test func itTakesNoMemoryOfThePool() throws {
    let runtime = Runtime.with([try backend(declines: false)])
    let planner = try Planner(try graph(), router: runtime.router)
    let memory = MemoryPlan(planner, try graph())
    var blocks: [(bytes: Range<Int>, steps: ClosedRange<Int>)] = []
    for (index, step) in planner.steps.enumerated() where step.isConstant {
      for value in step.results {
        guard case .scratch(let offset)? = memory.locations[value] else { continue }
        let last = planner.steps.lastIndex { $0.inputs.contains { $0.base == value } } ?? index
        blocks.append((offset..<offset + (planner.types[value].checkedByteCount ?? 0), index...last))
      }
    }
    #expect(blocks.count == planner.steps.count(where: \.isConstant) && blocks.count >= 5)
    for (place, block) in blocks.enumerated() {
      #expect(block.bytes.upperBound <= memory.scratchBytes)
      for other in blocks[(place + 1)...] where block.steps.overlaps(other.steps) {
        #expect(!block.bytes.overlaps(other.bytes))
      }
    }
    // The weights are read for the last time when the first step is done.
    #expect(memory.settled[0] == [1] && memory.settled.joined().count == 1)
  }

  @Test func packedOperandsAreThoseThatWereComputed() throws {
    let packs = Locked(0)
    let plan = try Runtime.with([try backend(declines: false, packs: packs)]).makePlan(graph())
    for weights in weights + weights { #expect(try plan.run([x, weights]) == expected(weights)) }
    #expect(packs.withLock { $0 } == 12)
  }

  @Test func whoTakesOverReadsThemAgain() throws {
    let plan = try Runtime.with([try backend(declines: true)]).makePlan(graph())
    for weights in weights + weights {
      for _ in 0..<2 { #expect(try plan.run([x, weights]) == expected(weights)) }
    }
    #expect(plan.declines.count == 3)
  }

  @Test func whoLooksOnSeesThem() throws {
    let recorder = CaseRecorder(.init(operation: .matmul, limit: 3))
    let registry = BackendRegistry([try backend(declines: false)] + BackendRegistry.builtin().backends)
    let plan = try Runtime(registry, recorder: recorder).makePlan(graph())
    _ = try plan.run([x, weights[0]])
    #expect(recorder.cases.count == 3)
    let first = weights[0].scalars().map { 2 * $0 }
    let seen = try recorder.cases.map { try Tensor(bytes: $0.operands[1], shape: [12], dtype: .float32).scalars() }
    #expect(seen.contains(first))
    #expect(seen.allSatisfy { $0.count == 12 } && Set(seen).count == 3)
  }
}

/// Tensors that lie in files are aligned to their elements alone.
@Suite struct AlignmentTests {
  private final class Keeper: BytesKeeper {
    func rest(_ bytes: UnsafeRawBufferPointer) {}
  }

  /// Notes whether all operands are aligned.
  private final class WatchingOperation: WrappedOperation, @unchecked Sendable {
    let seen: Locked<[Bool]>

    init(_ inner: any PreparedOperation, _ seen: Locked<[Bool]>) {
      self.seen = seen
      super.init(inner)
    }

    override func execute(_ frame: UnsafeMutablePointer<mezzo_exec_args>) -> mezzo_status {
      let operands = frame.pointee.in
      let isAligned = (0..<Int(operands.count)).allSatisfy { UInt(bitPattern: operands.at[$0].data) % 64 == 0 }
      seen.withLock { $0.append(isAligned) }
      return super.execute(frame)
    }
  }

  /// Eight bytes behind a cache line.
  private func tensor(_ owner: TensorStorage) throws -> Tensor {
    for place in 0..<4 { owner.bytes.storeBytes(of: Float(place + 1), toByteOffset: 8 + 4 * place, as: Float.self) }
    let bytes = UnsafeRawBufferPointer(rebasing: owner.bytes[8..<24])
    return try Tensor(TensorType(.float32, [4]), storage: TensorStorage(bytes, keptBy: Keeper()))
  }

  @Test(arguments: ["", "aligned(a, 64)"], [0, 32]) func whoAsksForAlignedDataGetsIt(
    condition: String, alignment: Int
  ) throws {
    let seen = Locked<[Bool]>([])
    var rule = try Rule.fake(.add, "a:f32 b:f32 -> c:f32", when: condition.isEmpty ? nil : condition)
    rule.alignment = alignment
    let backend = FakeBackend("watching", [rule], wrap: { prepared, _ in WatchingOperation(prepared, seen) })
    let runtime = Runtime.with([backend])
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [4]), name: "x")
    let w = trace.input(TensorType(.float32, [4]), name: "w", role: .constant)
    let plan = try runtime.makePlan(trace.finish([try x + w]))
    let owner = TensorStorage(byteCount: 64)
    let (x0, w0) = (try tensor(owner), try tensor(owner))
    for _ in 0..<3 { #expect(try plan.run([x0, w0])[0].scalars() == [2, 4, 6, 8]) }
    #expect(seen.withLock { $0 } == .init(repeating: !condition.isEmpty || alignment > 0, count: 3))
    withExtendedLifetime(owner) {}
  }
}
