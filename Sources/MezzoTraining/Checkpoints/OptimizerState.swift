public import MezzoGraph
import MezzoLayers

/// How far an optimizer has come: what it keeps beside the variables.
public struct OptimizerState: Sendable {
  /// Updates so far.
  public var iterations: Int
  /// By the path of a variable and the name of a slot: `dense.kernel/m`.
  public var slots: [String: Tensor]

  public init(iterations: Int, slots: [String: Tensor]) {
    self.iterations = iterations
    self.slots = slots
  }
}

extension Trainer {
  /// Goes on from what an optimizer of the same kind kept, rounded to what this one keeps.
  ///
  /// - Throws: `TrainingError.invalidOption` for slots that are missing, of another shape or of no variable that is trained.
  public mutating func restore(_ state: OptimizerState) throws {
    let wanted = store.lasting.filter { $0.name.contains("/") }
    guard Set(wanted.map(\.name)) == Set(state.slots.keys), state.iterations >= 0 else {
      throw TrainingError.invalidOption(
        name: "the state of the optimizer", expected: "\(wanted.map(\.name))",
        found: "\(state.slots.keys.sorted()) after \(state.iterations) updates")
    }
    let tensors = try wanted.map { name, old in
      guard let new = state.slots[name], new.shape == old.shape else {
        throw TrainingError.invalidOption(
          name: "the slot \(name)", expected: "\(old.type)", found: state.slots[name].map { "\($0.type)" } ?? "none")
      }
      return (name, try new.cast(to: old.dtype))
    }
    restore(tensors, iterations: state.iterations)
  }
}
