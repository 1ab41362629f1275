import CMezzoABI
import MezzoBackend
import MezzoGraph

/// What one run at a time needs for itself: the arena and the frames.
///
/// Owned by one thread at a time: a plan hands a context out to a run and takes it back.
final class ExecutionContext: @unchecked Sendable {
  private let arena: UnsafeMutableRawPointer
  private let frames: [Frame]
  private let layouts: [StepLayout]
  /// The frames hold the addresses of this pool and of the arena; only inputs and outputs change between runs.
  private var pool: ConstantPool?
  private let moving: [Int]

  init(_ plan: Plan) {
    arena = .allocate(byteCount: max(plan.arenaBytes, 1), alignment: MemoryPlan.alignment)
    let layouts = plan.steps.filter { !$0.isConstant }
    self.layouts = layouts
    frames = layouts.map(Frame.init)
    moving = layouts.indices.filter { index in
      (layouts[index].inputs + layouts[index].results).contains {
        switch $0.location {
        case .input, .output: true
        case .arena, .pool: false
        }
      }
    }
  }

  deinit {
    frames.forEach { $0.deallocate() }
    arena.deallocate()
  }

  func run(_ plan: Plan, _ addresses: Addresses, observer: Plan.Observer?) throws(RuntimeError) {
    var addresses = addresses
    addresses.arena = arena
    if pool !== addresses.pool {
      for frame in frames { frame.write(addresses) }
      pool = addresses.pool
    } else {
      for index in moving { frames[index].write(addresses) }
    }
    guard let observer else {
      for frame in frames { try frame.call() }
      return
    }
    for (frame, layout) in zip(frames, layouts) {
      try frame.call()
      for (index, result) in frame.results().enumerated() { observer(layout, index, result) }
    }
  }
}
