import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// What training makes small: a scalar in at least float32, whatever the model's policy.
public enum Loss: String, Codable, Sendable, Hashable, CaseIterable {
  /// The mean over the batch of `log Σ e^logits − logits[label]`: logits `[batch, classes]`, labels `int32[batch]`.
  case sparseCategoricalCrossentropy = "sparse_categorical_crossentropy"
  /// The mean over all elements of the squared difference: both `[batch, …]`, of one shape but for a last axis of 1.
  case meanSquaredError = "mean_squared_error"

  public func callAsFunction(_ output: SymbolicTensor, target: SymbolicTensor) throws -> SymbolicTensor {
    let output = try output.atLeastFloat32()
    switch self {
    case .sparseCategoricalCrossentropy: return try output.sparseCrossEntropy(labels: target).mean()
    case .meanSquaredError:
      // Never broadcast: [batch, 1] against [batch] would compare every output with every target.
      let fits =
        target.shape == output.shape || target.shape + [1] == output.shape || target.shape == output.shape + [1]
      guard fits else {
        throw GraphError(
          .shape(
            operation: rawValue, expected: "an output and targets of one shape", found: [output.type, target.type]),
          layer: "loss")
      }
      let difference = try output - target.reshaped(output.shape).cast(to: output.dtype)
      return try (difference * difference).mean()
    }
  }

  /// The mean over the batch of 1 where the output says the label, else 0; `nil` where outputs are no classes.
  func accuracy(_ output: SymbolicTensor, target: SymbolicTensor) throws -> SymbolicTensor? {
    guard self == .sparseCategoricalCrossentropy else { return nil }
    return try output.argMax().isEqual(target.cast(to: .int32)).cast(to: .float32).mean()
  }
}
