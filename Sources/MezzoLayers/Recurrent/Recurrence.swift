import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// A sequence that a recurrent layer was called with, and the way through it.
struct Recurrence {
  /// `[batch, steps, …]`
  let input: SymbolicTensor
  private let given: [SymbolicTensor]
  private let mask: SymbolicTensor?

  var batch: Int { input.shape[0] }
  var steps: Int { input.shape[1] }

  /// Takes apart what ``RecurrentLayer`` says that a layer is called with.
  init(_ inputs: LayerInputs, rank: Int, _ expected: String, _ context: LayerContext) throws {
    var trees = inputs.positional
    if trees.count == 1, case .array(let elements) = trees[0] { trees = elements }
    guard let input = trees.first?.tensor, inputs.named.keys.allSatisfy({ ["mask", "initial_state"].contains($0) })
    else {
      throw LayerError.inputs(
        layer: context.path, expected: "a sequence, and perhaps states and a mask",
        found: "\(inputs.leaves.count) in a structure")
    }
    try context.require(input, rank: rank, expected)
    // Each step is several operations of the plan: a shape from a file must not make a plan without end.
    try context.require(input.shape[1] <= 1 << 14, "a sequence of at most 16,384 steps", input.shape[1])
    self.input = input
    given = (trees.dropFirst() + (inputs.named["initial_state"].map { [$0] } ?? [])).flatMap(\.leaves).compactMap { $0 }
    let carried = context.mask(of: input)
    mask = try context.optional("mask", inputs) ?? carried
    guard mask.map({ $0.shape == [batch, steps] }) ?? true else {
      throw LayerError.inputs(
        layer: context.path, expected: "a mask [batch, steps]", found: "\(mask.map { "\($0.type)" } ?? "")")
    }
  }

  /// Writes the steps out one after the other.
  ///
  /// - Parameters:
  ///   - count: of states, each of `shape`.
  ///   - step: the number of a step and the states before it to the states behind it, of which the first is the output.
  func run(
    _ layer: any RecurrentLayer, states count: Int, _ shape: [Int], _ context: LayerContext,
    step: (_ index: Int, _ states: [SymbolicTensor]) throws -> [SymbolicTensor]
  ) throws -> TensorTree {
    let compute = try context.floatingComputeDType()
    guard given.isEmpty || (given.count == count && given.allSatisfy { $0.shape == shape }) else {
      throw LayerError.inputs(
        layer: context.path, expected: "\(count) states \(shape)",
        found: given.map(\.type.description).joined(separator: " and "))
    }
    let kept = try (0..<(layer.stateful ? count : 0)).map { index in
      try context.state("state_\(index)", shape: shape, dtype: compute)
    }
    let zero = try context.trace.constant(0, dtype: compute).broadcast(to: shape)
    var states = try given.map { try $0.cast(to: compute) }
    if given.isEmpty {
      states = layer.stateful ? try kept.map { try $0.value(in: context) } : Array(repeating: zero, count: count)
    }
    let seen = try mask?.cast(to: .bool)
    var outputs: [SymbolicTensor] = []
    for index in layer.goBackwards ? Array((0..<steps).reversed()) : Array(0..<steps) {
      var next = try step(index, states)
      if let seen {
        let isSeen = try seen.sliced(axis: 1, index..<index + 1)
          .reshaped([batch] + Array(repeating: 1, count: shape.count - 1))
        // A step that is left out gives what the one before gave: at first zeros, as in Keras.
        let output = try isSeen.select(next[0], outputs.last ?? zero)
        next = try zip(next, states).map { try isSeen.select($0, $1) }
        outputs.append(output)
      } else {
        outputs.append(next[0])
      }
      states = next
    }
    for (variable, state) in zip(kept, states) { try context.assign(variable, state) }
    let output =
      layer.returnSequences
      ? (outputs.isEmpty
        ? try context.trace.constant(0, dtype: compute).broadcast(to: [batch, 0] + shape.dropFirst())
        : try SymbolicTensor.stack(outputs, axis: 1)) : outputs.last ?? states[0]
    if layer.returnSequences {
      if layer.goBackwards { context.fromTheBack[context.path, default: []].append(steps) }
      if let seen { context.setMask(layer.goBackwards ? try seen.reversed(axes: [1]) : seen, of: output) }
    }
    return layer.returnState ? .array(([output] + states).map { .tensor($0) }) : .tensor(output)
  }
}
