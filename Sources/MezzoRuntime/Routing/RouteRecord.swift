public import MezzoGraph

/// Who computes one operation, and why: what `explain`, `why-not` and the lock file are made of.
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
  /// What a rule had to promise: `accumulator float32, deterministic`.
  public var wanted: String
  public var backend: String
  public var backendVersion: String
  /// Which build of that version: of a library the id that its linker gave it, or its hash. `nil` where nobody wanted to know
  /// it, since files have to be read for that; ``Explanation`` does.
  public var backendBuild: String?
  public var rule: String
  /// Why this rule and none of the others.
  public var why: String
  /// The conversions that were inserted around it.
  public var casts: [String]
  /// The pin that it follows.
  public var pin: String?
  /// Operations of one region hand float32 on to each other without rounding; `nil`: it is in none.
  public var region: Int?
  /// An operand is rearranged once, when it is known to be constant.
  public var isPacked: Bool
  /// It depends on constants alone and is computed when they are bound, not at every run.
  public var isComputedOnce: Bool
  /// It went to the built-in backend although another one offers the operation.
  public var isFallback: Bool
  /// Of the operation alone; conversions have records of their own.
  public var estimatedNanoseconds: Double
  /// The chosen one first, then those that could have been, from the cheapest on, then the others.
  public var candidates: [Candidate]

  /// One rule that was looked at.
  public struct Candidate: Sendable, Codable, Hashable {
    public var backend: String
    public var rule: String
    public var verdict: Verdict
    /// For people.
    public var why: String
    /// Why it takes no part, as one of the ABI's reasons: `dtype`, `layout`, `symbol`; `nil` where it could.
    public var reason: String?
    /// The part of the rule's condition that decided, and the values it had.
    public var decider: String?
    public var values: String?
    /// What would have to change for it to take part.
    public var hint: String?
    /// Which conversions it needs.
    public var casts: [String] = []
    /// With the conversions that it alone would need.
    public var estimatedNanoseconds: Double?

    /// `onednn/matmul.bf16.bf16`
    public var name: String { "\(backend)/\(rule)" }
    public var takesPart: Bool { verdict == .chosen || verdict == .possible }
  }

  public enum Verdict: String, Sendable, Codable {
    case chosen
    /// It would have done, at a higher price.
    case possible
    /// Its rule does not match.
    case dropped
    /// The backend was asked to prepare the operation, and said no.
    case declined
    /// The backend was asked, and failed.
    case failed
  }

  /// The operation without its epilogue: `matmul`.
  public var code: String { String(operation.prefix { $0 != "+" }) }
}
