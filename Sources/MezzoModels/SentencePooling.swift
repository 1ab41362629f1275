import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// One vector for each text from the vectors of its tokens, for each mode: `[batch, length, hidden] -> [batch, hidden]…`.
/// The mask, `[batch, length]`, is 0 where padding is.
struct SentencePooling: Layer {
  var modes: [SentenceConfiguration.Pooling.Mode]
  let policy: DTypePolicy

  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    let arguments = inputs.leaves.compactMap { $0 }
    guard arguments.count == 2, arguments[0].rank == 3, arguments[1].shape == Array(arguments[0].shape.dropLast())
    else {
      throw LayerError.inputs(
        layer: context.path, expected: "[batch, length, hidden] and a mask [batch, length]",
        found: arguments.map { "\($0.type)" }.joined(separator: " and "))
    }
    let hidden = arguments[0]
    let mask = try arguments[1].cast(to: hidden.dtype).reshaped(arguments[1].shape + [1])
    return .array(try modes.map { .tensor(try pooled($0, hidden, mask)) })
  }

  private func pooled(
    _ mode: SentenceConfiguration.Pooling.Mode, _ hidden: SymbolicTensor, _ mask: SymbolicTensor
  ) throws -> SymbolicTensor {
    switch mode {
    case .cls:
      return try hidden.transposed([1, 0, 2]).gather(hidden.trace.constant(0, dtype: .int32))
    case .max:
      return try (hidden + (1 - mask) * -1e9).max(axes: [1])
    case .mean, .meanSqrtLength:
      let count = try mask.sum(axes: [1]).maximum(hidden.trace.constant(1e-9, dtype: hidden.dtype))
      return try (hidden * mask).sum(axes: [1]) / (mode == .mean ? count : count.sqrt())
    }
  }
}
