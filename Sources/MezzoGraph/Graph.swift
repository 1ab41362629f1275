public import MezzoBackend

/// Operations as data: what to compute, with types and without a word about who computes it.
public struct Graph: Sendable, Hashable {
  /// The place of a value in `values`.
  public typealias ValueID = Int

  public var values: [TensorType]
  public var nodes: [Node]
  public var inputs: [Input]
  public var outputs: [ValueID]
  /// Inputs of role `state` and the values that replace them.
  public var updates: [Update]
  /// Values that are gradients, and the inputs they belong to.
  public var gradients: [Gradient]

  public struct Node: Sendable {
    public var operation: any Operation
    public var operands: [ValueID]
    public var results: [ValueID]
    public var origin: Origin
  }

  public struct Input: Sendable, Hashable {
    public var value: ValueID
    public var name: String
    public var role: Role
    /// The path of the layer that asked for it; empty outside any.
    public var layer: String
  }

  public enum Role: String, Sendable, Hashable, Codable {
    /// Different at every run.
    case argument
    /// The same over many runs, so that what depends on it alone may be computed once.
    case constant
    /// Read and replaced by the run.
    case state
  }

  public struct Update: Sendable, Hashable {
    /// The place in `inputs`.
    public var input: Int
    public var value: ValueID
  }

  public struct Gradient: Sendable, Hashable {
    /// The place in `inputs` of what the loss was differentiated by.
    public var input: Int
    public var value: ValueID
  }

  /// Which layer asked for an operation, and on which way through the network.
  public struct Origin: Sendable, Hashable {
    public var layer: String
    public var phase: Phase

    public init(layer: String, phase: Phase) {
      self.layer = layer
      self.phase = phase
    }
  }

  public enum Phase: String, Sendable, Hashable, Codable {
    case forward, backward, update
  }
}

extension Graph.Node: Hashable {
  public static func == (left: Self, right: Self) -> Bool {
    left.operands == right.operands && left.results == right.results && left.origin == right.origin
      && AnyHashable(left.operation) == AnyHashable(right.operation)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(AnyHashable(operation))
    hasher.combine(operands)
  }
}
