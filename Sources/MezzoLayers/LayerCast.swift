public import MezzoPolicy

/// A cast that a policy made in the call of a layer.
public struct LayerCast: Sendable, Hashable, Codable {
  public enum Kind: String, CaseIterable, Sendable, Hashable, Codable {
    /// An argument, to the compute dtype.
    case input
    /// A variable, from what it is stored in to what it is read in.
    case variable
    /// The operands of an operation for which the policy has a dtype of its own, to that dtype. Results are cast back.
    case operation
    /// A kernel that is kept in int8, or an input that is brought to int8 for the product with it.
    case quantized
    /// A result, to the output dtype.
    case output
  }

  public let kind: Kind
  /// Which of them: `input`, `mask`, `kernel`; of operations, the operation: `matmul`.
  public let name: String
  public let from: DType
  public let to: DType
}
