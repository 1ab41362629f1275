import MezzoBackend
import MezzoGraph

/// The constants of a plan, and what it computes once from them: literals, results of steps that read constants alone, and
/// packed operands.
package final class ConstantPool: @unchecked Sendable {
  // Filled in init and only read afterwards.
  let memory: TensorStorage
  let packed: [PackStore.Form]
  /// In the order of the graph's inputs.
  let constants: [Tensor]

  init(
    _ plan: Plan, constants: [Tensor], observer: (any StepObserver)? = nil, store: PackStore = .shared
  ) throws(RuntimeError) {
    guard let memory = TensorStorage.allocate(byteCount: plan.poolBytes) else {
      throw .outOfMemory(bytes: plan.poolBytes, for: "the constants of a plan")
    }
    self.memory = memory
    self.constants = constants
    for literal in plan.literals {
      literal.tensor.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(rebasing: memory.bytes[literal.offset...]).copyMemory(from: bytes)
      }
    }
    // Constant steps read constants alone, and nothing of the caller's but those.
    var addresses = Addresses(
      pool: memory.address, inputs: .init(repeating: nil, count: plan.graph.inputs.count), outputs: [])
    for (tensor, index) in zip(constants, plan.constantInputs) { addresses.inputs[index] = tensor.storage.address }
    var packed: [PackStore.Form] = []
    for step in plan.steps where step.isConstant || step.packing != nil {
      let frame = Frame(step)
      if let form = try frame.packed(addresses, store) {
        packed.append(form)
        addresses.packed.append(form.memory.address)
      }
      if step.isConstant {
        frame.write(addresses)
        if let observer { try frame.call(addresses, observer) } else { try frame.call() }
      }
    }
    self.packed = packed
  }

  /// Whether it was made from these tensors and no others.
  func isMade(from inputs: [Tensor], _ plan: Plan) -> Bool {
    zip(constants, plan.constantPlaces).allSatisfy { $0.storage === inputs[$1].storage }
  }
}
