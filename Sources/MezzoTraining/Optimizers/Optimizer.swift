public import MezzoGraph

/// How variables follow their gradients. A value: its state lies in slots beside the variables, in their dtype.
///
/// It knows nothing of loss scaling: the training step unscales before it and tells it whether to apply.
public protocol Optimizer: Codable, Sendable {
  var learningRate: Double { get }

  /// The names of what is kept for each variable, with the variable's type: `["momentum"]`.
  var slots: [String] { get }

  /// - Parameters:
  ///   - slots: in the order of ``slots``.
  ///   - schedule: what changes from step to step.
  /// - Returns: the new variable and the new slots; unchanged where `schedule.apply` is false.
  func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor])
}

/// The scalars of one update.
public struct UpdateSchedule {
  /// The learning rate, float64.
  public var rate: SymbolicTensor
  /// Applied steps so far and this one, int64.
  public var step: SymbolicTensor
  /// Whether the gradients are finite, bool.
  public var apply: SymbolicTensor
}
