import MezzoBackend
import MezzoGraph

/// What a plan computes once from its constants: literals, results of steps that read constants alone, and packed operands.
final class ConstantPool: @unchecked Sendable {
  // Filled in init and only read afterwards.
  let base: UnsafeMutableRawPointer
  private let constants: [TensorStorage]

  init(_ plan: Plan, inputs: [Tensor], constants: [TensorStorage]) throws(RuntimeError) {
    base = .allocate(byteCount: max(plan.poolBytes, 1), alignment: MemoryPlan.alignment)
    self.constants = constants
    for literal in plan.literals {
      literal.tensor.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(start: base + literal.offset, count: bytes.count).copyMemory(from: bytes)
      }
    }
    var next = 0
    let addresses = Addresses(
      pool: self,
      inputs: plan.graph.inputs.map { input in
        // Constant steps never read a state; its place is filled so that indices stay the graph's.
        guard input.role != .state else { return base }
        defer { next += 1 }
        return inputs[next].storage.address
      }, outputs: [])
    for step in plan.steps where step.isConstant || step.packed != nil {
      let frame = Frame(step)
      defer { frame.deallocate() }
      if step.isConstant {
        frame.write(addresses)
        try frame.call()
      } else {
        try frame.pack(addresses)
      }
    }
  }

  deinit { base.deallocate() }

  func isOf(_ other: [TensorStorage]) -> Bool {
    constants.count == other.count && zip(constants, other).allSatisfy { $0 === $1 }
  }
}
