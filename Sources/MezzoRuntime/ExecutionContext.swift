import CMezzoHost
import MezzoBackend
import MezzoGraph

/// What one run at a time needs for itself: the arena and the frames.
///
/// Owned by one thread at a time: a plan hands a context out to a run and takes it back.
final class ExecutionContext: @unchecked Sendable {
  private let arena: TensorStorage
  private let frames: [Frame]
  private let layouts: [StepLayout]
  /// Frames that name arguments, states or outputs, which change between runs; the others keep the addresses of the arena, the
  /// pool and the constants.
  private let moving: [Frame]
  private var pool: ConstantPool?
  /// Kept between runs so that a run allocates nothing for it.
  private var addresses: Addresses

  init(_ plan: Plan) throws(RuntimeError) {
    guard let arena = TensorStorage.allocate(byteCount: plan.arenaBytes) else {
      throw .outOfMemory(bytes: plan.arenaBytes, for: "the intermediates of a plan")
    }
    self.arena = arena
    layouts = plan.steps.filter { !$0.isConstant }
    frames = layouts.map(Frame.init)
    moving = zip(frames, layouts).filter { $0.1.readsOrWritesCallersMemory }.map(\.0)
    addresses = Addresses(
      arena: arena.address, inputs: .init(repeating: nil, count: plan.graph.inputs.count),
      outputs: .init(repeating: nil, count: plan.graph.outputs.count + plan.graph.updates.count))
  }

  func setInput(_ index: Int, _ tensor: TensorStorage) { addresses.inputs[index] = tensor.address }

  func setOutput(_ index: Int, _ tensor: TensorStorage) { addresses.outputs[index] = tensor.address }

  func run(_ constants: ConstantPool, observer: (any StepObserver)?) throws(RuntimeError) {
    mezzo_count_run(1)
    defer { mezzo_count_run(-1) }
    if pool === constants {
      for frame in moving { frame.write(addresses) }
    } else {
      addresses.pool = constants.memory.address
      addresses.packed = constants.packed.map { $0.memory.address }
      for (input, storage) in constants.readable { setInput(input, storage) }
      // Whoever comes behind a failure binds all frames anew.
      pool = nil
      for frame in frames { try frame.bind(constants, addresses) }
      pool = constants
    }
    if let observer {
      for frame in frames { try frame.call(addresses, observer) }
    } else {
      for frame in frames { try frame.call() }
    }
  }
}
