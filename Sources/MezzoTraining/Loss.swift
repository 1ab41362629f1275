public import MezzoGraph
import MezzoPolicy

/// What training makes small: a scalar in at least float32, whatever the model's policy.
public enum Loss: String, Codable, Sendable, Hashable, CaseIterable {
  /// The mean over the batch of `log Σ e^logits − logits[label]`: logits `[batch, classes]`, labels `int32[batch]`.
  case sparseCategoricalCrossentropy = "sparse_categorical_crossentropy"
  /// The mean over all elements of the squared difference: both `[batch, …]`.
  case meanSquaredError = "mean_squared_error"

  public func callAsFunction(_ output: SymbolicTensor, target: SymbolicTensor) throws -> SymbolicTensor {
    let output = try output.atLeastFloat32()
    switch self {
    case .sparseCategoricalCrossentropy: return try output.sparseCrossEntropy(labels: target).mean()
    case .meanSquaredError:
      let difference = try output - target.cast(to: output.dtype)
      return try (difference * difference).mean()
    }
  }

  /// The mean over the batch of 1 where the output says the label, else 0; `nil` where outputs are no classes.
  func accuracy(_ output: SymbolicTensor, target: SymbolicTensor) throws -> SymbolicTensor? {
    guard self == .sparseCategoricalCrossentropy else { return nil }
    return try output.argMax().isEqual(target.cast(to: .int32)).cast(to: .float32).mean()
  }
}
