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
  /// Their data, by their place among the graph's inputs; copies where a step asks for data aligned as theirs is not.
  let readable: [Int: TensorStorage]
  private let steps: [StepLayout]
  private let scratchBytes: Int
  private let addresses: Addresses

  init(
    _ plan: Plan, constants: [Tensor], observer: (any StepObserver)? = nil, store: PackStore = .shared
  ) throws(RuntimeError) {
    let memory = try Self.allocate(plan.poolBytes)
    self.memory = memory
    self.constants = constants
    steps = plan.steps
    scratchBytes = plan.scratchBytes
    for literal in plan.literals {
      literal.tensor.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(rebasing: memory.bytes[literal.offset...]).copyMemory(from: bytes)
      }
    }
    // Constant steps read constants alone, and nothing of the caller's but those.
    var addresses = Addresses(
      pool: memory.address, inputs: .init(repeating: nil, count: plan.graph.inputs.count), outputs: [])
    var readable: [Int: TensorStorage] = [:]
    for (tensor, input) in zip(constants, plan.constantInputs) {
      let storage = try plan.aligned(tensor.storage, input)
      readable[input] = storage
      addresses.inputs[input] = storage.address
    }
    let scratch = try Self.allocate(plan.scratchBytes)
    addresses.scratch = scratch.address
    let room = PackRoom(for: plan.steps.lazy.compactMap { $0.packing?.packing })
    var packed: [PackStore.Form] = []
    for (step, settled) in zip(plan.steps, plan.settled) where step.isConstant || step.packing != nil {
      let frame = Frame(step)
      if let form = try frame.packed(addresses, store, room) {
        packed.append(form)
        addresses.packed.append(form.memory.address)
      }
      if step.isConstant {
        frame.write(addresses)
        if let observer { try frame.call(addresses, observer) } else { try frame.call() }
      }
      for input in settled { readable[input]?.rest() }
    }
    withExtendedLifetime(scratch) { addresses.scratch = nil }
    self.addresses = addresses
    self.readable = readable
    self.packed = packed
  }

  /// Whether it was made from these tensors and no others.
  func isMade(from inputs: [Tensor], _ plan: Plan) -> Bool {
    zip(constants, plan.constantPlaces).allSatisfy { $0.storage === inputs[$1].storage }
  }

  /// What was computed only to be packed, as it was when `step` packed its operand.
  func scratch(before step: StepLayout) throws(RuntimeError) -> TensorStorage {
    let scratch = try Self.allocate(scratchBytes)
    var addresses = addresses
    addresses.scratch = scratch.address
    let makers = makers(of: step)
    // Other runs read what the makers left in the pool.
    let ownPool = makers.contains { $0.results.contains { if case .pool = $0.location { true } else { false } } }
    let copy = ownPool ? memory.copy() : memory
    guard let copy else { throw .outOfMemory(bytes: memory.bytes.count, for: "a copy of the constants of a plan") }
    addresses.pool = copy.address
    defer { withExtendedLifetime(copy) {} }
    for step in makers {
      let frame = Frame(step)
      frame.write(addresses)
      try frame.call()
    }
    return scratch
  }

  /// The steps that make those operands of `step` that are no longer there, and what they are made from.
  private func makers(of step: StepLayout) -> [StepLayout] {
    var wanted: Set<Int> = []
    func want(_ places: [StepLayout.Place]) {
      for place in places { if case .scratch = place.location { wanted.insert(place.value) } }
    }
    want(step.inputs)
    var makers: [StepLayout] = []
    for maker in steps.prefix(while: { $0 !== step }).reversed() where maker.isConstant {
      guard maker.results.contains(where: { wanted.contains($0.value) }) else { continue }
      makers.append(maker)
      want(maker.inputs)
    }
    return makers.reversed()
  }

  private static func allocate(_ bytes: Int) throws(RuntimeError) -> TensorStorage {
    guard let memory = TensorStorage.allocate(byteCount: bytes) else {
      throw .outOfMemory(bytes: bytes, for: "the constants of a plan")
    }
    return memory
  }
}
