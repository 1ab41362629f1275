import MezzoGraph
import MezzoPolicy

/// What training leaves out of a sequence and of the states: one choice for all steps of a sequence (Gal and Ghahramani,
/// NIPS 2016), in the compute dtype, 0 or `1 ∕ (1 − rate)`.
///
/// As in Keras, each gate has choices of its own where states are left out too, and else they share that for the input.
struct RecurrentDropout {
  /// `[batch, 1, features…]`, one for all gates or one for each; none where all of the input counts.
  private let input: [SymbolicTensor]
  /// Of the state's shape, one for each gate; none where all of the state counts.
  private let state: [SymbolicTensor]

  init(
    _ rates: (input: Double, state: Double), of sequence: SymbolicTensor, state shape: [Int], gates: Int,
    _ context: LayerContext
  ) throws {
    func factors(_ rate: Double, _ shape: [Int], count: Int) throws -> [SymbolicTensor] {
      guard let rate = try context.rate(rate, sequence) else { return [] }
      let (kept, none) = try (
        context.trace.constant(1 / (1 - rate), dtype: sequence.dtype), context.trace.constant(0, dtype: sequence.dtype)
      )
      return try (0..<count).map { _ in try context.isKept(shape, rate: rate).select(kept, none) }
    }
    let step = [sequence.shape[0], 1] + sequence.shape[2...]
    input = try factors(rates.input, step, count: rates.state > 0 ? gates : 1)
    state = try factors(rates.state, shape, count: gates)
  }

  /// The sequence as the gates see it: once for all, or once for each.
  func inputs(_ sequence: SymbolicTensor) throws -> [SymbolicTensor] {
    input.isEmpty ? [sequence] : try input.map { try sequence * $0 }
  }

  /// The same of a state.
  func states(_ value: SymbolicTensor) throws -> [SymbolicTensor] {
    state.isEmpty ? [value] : try state.map { try value * $0 }
  }
}

extension SymbolicTensor {
  /// `[rows, n] · [n, columns]`; of several left sides each is multiplied with its part of the columns.
  static func product(_ left: [SymbolicTensor], _ right: SymbolicTensor) throws -> SymbolicTensor {
    if left.count == 1 { return try left[0].matmul(right) }
    return try concatenate(zip(left, right.split(axis: 1, into: left.count)).map { try $0.matmul($1) }, axis: 1)
  }
}
