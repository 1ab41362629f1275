import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// Where every value of a plan lives.
enum Location: Hashable {
  /// The caller's tensor, in the order of the graph's inputs.
  case input(Int)
  /// A tensor made for the caller.
  case output(Int)
  /// Bytes from the beginning of memory that is used anew by every run.
  case arena(Int)
  /// Bytes from the beginning of memory that is filled when constants are bound.
  case pool(Int)
  /// Bytes from the beginning of memory that is used while constants are bound, and then goes.
  case scratch(Int)
  /// A form of the pack store, in the order of the plan's packed operands.
  case packed(Int)
}

/// Lays out all values: intermediates share one arena, each only from the step that makes it to the last that reads it; so do
/// those that are computed once and read only by what is computed once or packed.
struct MemoryPlan {
  private(set) var locations: [Location?]
  private(set) var workspaces: [Location?]
  private(set) var packed: [Location?]
  private(set) var packedCount = 0
  private(set) var arenaBytes = 0
  private(set) var scratchBytes = 0
  private(set) var poolBytes = 0
  /// What all intermediates would take without reuse.
  private(set) var unsharedBytes = 0
  /// For each step, the constants that nobody reads any more once it has been computed or its operand packed.
  private(set) var settled: [[Int]]

  static let alignment = 64

  init(_ planner: Planner, _ graph: Graph) {
    let types = planner.types
    locations = .init(repeating: nil, count: types.count)
    workspaces = .init(repeating: nil, count: planner.steps.count)
    packed = .init(repeating: nil, count: planner.steps.count)
    settled = .init(repeating: [], count: planner.steps.count)
    for (index, input) in graph.inputs.enumerated() { locations[input.value] = .input(index) }
    for (index, output) in planner.outputs.enumerated() { locations[output.value] = .output(index) }
    for value in planner.literals.keys.sorted() { locations[value] = .pool(takePool(8)) }
    placeStates(planner, graph)

    var lastUse = [Int](repeating: -1, count: types.count)
    for (index, step) in planner.steps.enumerated() {
      for view in step.inputs { lastUse[view.base] = index }
    }
    let readByRuns = Self.readByRuns(planner)
    for (index, input) in graph.inputs.enumerated() where input.role == .constant && !readByRuns.contains(input.value) {
      if lastUse[input.value] >= 0 { settled[lastUse[input.value]].append(index) }
    }
    var arena = FreeList()
    var scratch = FreeList()
    for (index, step) in planner.steps.enumerated() {
      var released: [(offset: Int, bytes: Int)] = []
      var releasedScratch: [(offset: Int, bytes: Int)] = []
      var overwritten: Set<Int> = []
      for (place, value) in step.results.enumerated() where locations[value] == nil {
        if planner.strides(of: value) == rowMajorStrides(types[value].shape),
          let operand = overwritable(place, step, types, at: index, lastUse),
          case .arena(let offset)? = locations[operand]
        {
          locations[value] = .arena(offset)
          overwritten.insert(operand)
          let bytes = Self.rounded(types[value].checkedByteCount ?? 0)
          unsharedBytes += bytes
          if lastUse[value] <= index { released.append((offset, bytes)) }
          continue
        }
        let bytes = Self.rounded(types[value].checkedByteCount ?? 0)
        if step.isConstant, readByRuns.contains(value) {
          locations[value] = .pool(takePool(bytes))
        } else if step.isConstant {
          let offset = scratch.take(bytes)
          locations[value] = .scratch(offset)
          if lastUse[value] <= index { releasedScratch.append((offset, bytes)) }
        } else {
          let offset = arena.take(bytes)
          locations[value] = .arena(offset)
          unsharedBytes += bytes
          if lastUse[value] <= index { released.append((offset, bytes)) }
        }
      }
      if step.operation.workspaceBytes > 0 {
        let bytes = Self.rounded(step.operation.workspaceBytes)
        if step.isConstant {
          let offset = scratch.take(bytes)
          workspaces[index] = .scratch(offset)
          releasedScratch.append((offset, bytes))
        } else {
          let offset = arena.take(bytes)
          workspaces[index] = .arena(offset)
          released.append((offset, bytes))
        }
      }
      if step.operation.packing != nil {
        packed[index] = .packed(packedCount)
        packedCount += 1
      }
      for value in Set(step.inputs.map(\.base)) where lastUse[value] == index && !overwritten.contains(value) {
        let bytes = Self.rounded(types[value].checkedByteCount ?? 0)
        switch locations[value] {
        case .arena(let offset): released.append((offset, bytes))
        case .scratch(let offset): releasedScratch.append((offset, bytes))
        default: break
        }
      }
      for block in released { arena.give(block.offset, block.bytes) }
      for block in releasedScratch { scratch.give(block.offset, block.bytes) }
    }
    arenaBytes = arena.top
    scratchBytes = scratch.top
  }

  /// Values that steps read which are done at every run, as they are and not in a packed form.
  private static func readByRuns(_ planner: Planner) -> Set<Int> {
    var read: Set<Int> = []
    for step in planner.steps where !step.isConstant {
      for (place, view) in step.inputs.enumerated() where step.operation.packing?.operand != place {
        read.insert(view.base)
      }
    }
    return read
  }

  /// The operand over which a result may be written: one that nobody reads any more, and that the step reads as it lies.
  private func overwritable(
    _ place: Int, _ step: Planner.Step, _ types: [TensorType], at index: Int, _ lastUse: [Int]
  ) -> Int? {
    guard step.allowsInPlace, !step.isConstant, step.inputs.indices.contains(place) else { return nil }
    let view = step.inputs[place]
    let (old, new) = (types[view.base], types[step.results[place]])
    guard lastUse[view.base] == index, step.inputs.count(where: { $0.base == view.base }) == 1,
      view.strides == rowMajorStrides(view.shape), view.shape == new.shape,
      old.dtype.byteWidth == new.dtype.byteWidth, let bytes = old.checkedByteCount, bytes == new.checkedByteCount
    else { return nil }
    return view.base
  }

  /// An update whose step may write over its operand, and after which nobody reads the old value, is written there. Others
  /// get memory of their own, behind the outputs.
  private mutating func placeStates(_ planner: Planner, _ graph: Graph) {
    for (index, (update, placed)) in zip(graph.updates, planner.updates).enumerated() {
      let value = placed.value
      let state = graph.inputs[update.input].value
      locations[value] = .output(planner.outputs.count + index)
      guard let writer = planner.steps.firstIndex(where: { $0.results.contains(value) }) else { continue }
      let step = planner.steps[writer]
      let place = step.results.firstIndex(of: value) ?? 0
      let readLater = planner.steps[(writer + 1)...].contains { $0.inputs.contains { $0.base == state } }
      let operand = step.inputs.indices.contains(place) ? step.inputs[place] : nil
      let readTwice = step.inputs.count { $0.base == state } > 1
      if step.allowsInPlace, let operand, operand.base == state, !readLater, !readTwice,
        operand.strides == rowMajorStrides(operand.shape), operand.shape == graph.values[state].shape
      {
        locations[value] = .input(update.input)
      }
    }
  }

  private mutating func takePool(_ bytes: Int) -> Int {
    defer { poolBytes += Self.rounded(bytes) }
    return poolBytes
  }

  private static func rounded(_ bytes: Int) -> Int { max((bytes + alignment - 1) / alignment * alignment, alignment) }
}

/// Free ranges of an arena that grows where none fits; the smallest that fits is taken.
private struct FreeList {
  private(set) var top = 0
  private var free: [(offset: Int, bytes: Int)] = []

  mutating func take(_ bytes: Int) -> Int {
    let fitting = free.indices.filter { free[$0].bytes >= bytes }
    guard let best = fitting.min(by: { free[$0].bytes < free[$1].bytes }) else {
      defer { top += bytes }
      return top
    }
    let block = free[best]
    if block.bytes == bytes {
      free.remove(at: best)
    } else {
      free[best] = (block.offset + bytes, block.bytes - bytes)
    }
    return block.offset
  }

  mutating func give(_ offset: Int, _ bytes: Int) {
    free.append((offset, bytes))
    free.sort { $0.offset < $1.offset }
    var merged: [(offset: Int, bytes: Int)] = []
    for block in free {
      if let last = merged.last, last.offset + last.bytes == block.offset {
        merged[merged.count - 1].bytes += block.bytes
      } else {
        merged.append(block)
      }
    }
    free = merged
  }
}
