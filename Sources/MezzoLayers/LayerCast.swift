public import MezzoPolicy

/// A cast that a policy made in the call of a layer.
public struct LayerCast: Sendable, Hashable, Codable {
  public enum Kind: String, CaseIterable, Sendable, Hashable, Codable {
    /// An argument, to the compute dtype.
    case input
    /// A variable, from what it is stored in to what it is read in.
    case variable
    /// A result, to the output dtype.
    case output
  }

  public let kind: Kind
  /// Which of them: `input`, `mask`, `kernel`.
  public let name: String
  public let from: DType
  public let to: DType
}
