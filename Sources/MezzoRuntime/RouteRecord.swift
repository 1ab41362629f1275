public import MezzoGraph

/// Who computes one operation, and why: what `explain` prints.
public struct RouteRecord: Sendable, Codable {
  /// The path of the layer that asked for it; empty outside any layer.
  public var layer: String
  public var phase: Graph.Phase
  /// With its fused epilogue: `matmul+bias+relu`.
  public var operation: String
  /// `bfloat16, bfloat16 -> bfloat16`
  public var dtypes: String
  /// With shapes: `matmul bfloat16[128, 784] … -> …`
  public var request: String
  public var backend: String
  public var rule: String
  /// Why this rule and none of the others.
  public var why: String
  /// The conversions that were inserted around it.
  public var casts: [String]
  /// An operand is rearranged once, when it is known to be constant.
  public var isPacked: Bool
  public var estimatedNanoseconds: Double
  public var candidates: [Candidate]

  /// One rule that was looked at.
  public struct Candidate: Sendable, Codable {
    public var backend: String
    public var rule: String
    public var verdict: Verdict
    public var why: String
    public var estimatedNanoseconds: Double?
  }

  public enum Verdict: String, Sendable, Codable {
    case chosen, possible, dropped
  }
}
