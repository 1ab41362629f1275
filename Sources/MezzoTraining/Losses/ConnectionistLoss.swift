import MezzoBackend
import MezzoGraph
import MezzoPolicy

extension LossFunction {
  /// Minus the logarithm of the probability that logits `[batch, steps, classes]` spell the labels `[batch, length]`, where class
  /// 0 is the blank between them and the padding behind them; `[batch]` (Graves et al., ICML 2006). Steps that a mask hides are
  /// left out.
  static func connectionist(
    _ output: SymbolicTensor, _ target: SymbolicTensor, mask: SymbolicTensor?
  ) throws -> SymbolicTensor {
    guard output.rank == 3, target.rank == 2, target.shape[0] == output.shape[0], target.shape[1] > 0,
      (1...1 << 12).contains(output.shape[1]), mask.map({ $0.shape == Array(output.shape.prefix(2)) }) ?? true
    else {
      throw GraphError(
        .shape(
          operation: "CTC", expected: "logits [batch, up to 4,096 steps, classes] and labels [batch, 1 or more]",
          found: [output.type, target.type]), layer: "loss")
    }
    let (batch, steps) = (output.shape[0], output.shape[1])
    let trace = output.trace
    let labels = try target.cast(to: .int32)
    let spelling = try Spelling(labels, classes: output.shape[2], dtype: output.dtype)
    // The logarithm of the probability of each place of the spelling, at each step.
    let emissions = try spelling.places.matmul(output.logSoftmax().transposed([0, 2, 1]))
    let never = try trace.constant(-1e30, dtype: output.dtype)
    func emission(_ step: Int) throws -> SymbolicTensor {
      try emissions.sliced(axis: 2, step..<step + 1).reshaped([batch, spelling.length])
    }
    func moved(_ tensor: SymbolicTensor, by places: Int) throws -> SymbolicTensor {
      try .concatenate(
        [never.broadcast(to: [batch, places]), tensor.sliced(axis: 1, 0..<spelling.length - places)], axis: 1)
    }
    // It begins with the blank or the first label, at the first step that no mask hides.
    func beginning(_ step: Int) throws -> SymbolicTensor {
      try .concatenate(
        [emission(step).sliced(axis: 1, 0..<2), never.broadcast(to: [batch, spelling.length - 2])], axis: 1)
    }
    func isSeen(_ step: Int) throws -> SymbolicTensor? { try mask?.sliced(axis: 1, step..<step + 1) }
    var hasBegun = try isSeen(0)
    var paths = try beginning(0)
    if let hasBegun { paths = try hasBegun.select(paths, never) }
    for step in 1..<max(steps, 1) {
      let skipped = try spelling.maySkip.select(moved(paths, by: 2), never)
      let next = try logSum([paths, moved(paths, by: 1), skipped]) + emission(step)
      guard let begun = hasBegun, let seen = try isSeen(step) else {
        paths = next
        continue
      }
      paths = try seen.select(begun.select(next, beginning(step)), paths)
      hasBegun = try begun.select(begun, seen)
    }
    let loss = try logSum(spelling.isEnd.select(paths, never)).negated()
    // Where all steps are hidden there is nothing that could be wrong.
    return try hasBegun.map { try $0.reshaped([batch]).select(loss, trace.constant(0, dtype: output.dtype)) } ?? loss
  }

  /// `log Σ exp` of several tensors.
  private static func logSum(_ tensors: [SymbolicTensor]) throws -> SymbolicTensor {
    let largest = try tensors.dropFirst().reduce(tensors[0]) { try $0.maximum($1) }
    let sum = try tensors.map { try ($0 - largest).exp() }
    return try sum.dropFirst().reduce(sum[0]) { try $0 + $1 }.log() + largest
  }

  /// `log Σ exp` along the last axis.
  static func logSum(_ tensor: SymbolicTensor) throws -> SymbolicTensor {
    let largest = try tensor.max(axes: [-1], keepDims: true)
    return try (tensor - largest).exp().sum(axes: [-1]).log() + largest.reshaped(Array(tensor.shape.dropLast()))
  }
}

/// Labels with a blank before, between and behind them.
private struct Spelling {
  let length: Int
  /// One-hot, `[batch, length, classes]`.
  let places: SymbolicTensor
  /// Whether a place may follow the one before the last: a label that is another one. `bool[batch, length]`.
  let maySkip: SymbolicTensor
  /// The last label and the blank behind it. `bool[batch, length]`.
  let isEnd: SymbolicTensor

  init(_ labels: SymbolicTensor, classes: Int, dtype: DType) throws {
    let (batch, count) = (labels.shape[0], labels.shape[1])
    let trace = labels.trace
    length = 2 * count + 1
    let blank = try trace.constant(0, dtype: .int32)
    let pairs = try SymbolicTensor.concatenate(
      [blank.broadcast(to: [batch, count, 1]), labels.reshaped([batch, count, 1])], axis: 2)
    let all = try SymbolicTensor.concatenate(
      [pairs.reshaped([batch, 2 * count]), blank.broadcast(to: [batch, 1])], axis: 1)
    places = try all.oneHot(depth: Swift.max(classes, 1), dtype: dtype)
    let before = try SymbolicTensor.concatenate(
      [blank.broadcast(to: [batch, 2]), all.sliced(axis: 1, 0..<length - 2)], axis: 1)
    let no = try trace.constant(0, dtype: .bool)
    maySkip = try all.isEqual(before).select(no, blank.isLess(all))
    let labelCount = try blank.isLess(labels).cast(to: .float32).sum(axes: [-1]) * 2
    let last = try labelCount.cast(to: .int32).oneHot(depth: length, dtype: .float32)
    // There is no last label where there is none at all: -1 is no place.
    let label = try (labelCount - 1).cast(to: .int32).oneHot(depth: length, dtype: .float32)
    isEnd = try trace.constant(0, dtype: .float32).isLess(last + label)
  }
}
