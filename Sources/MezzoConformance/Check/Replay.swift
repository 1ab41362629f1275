public import MezzoRuntime

/// What a backend did with a captured operation, and beside it what the backend did that it was captured from.
public struct Replay: Sendable, Codable, Hashable {
  /// The file of the case.
  public var path: String
  /// With strides and attributes where they are not plain.
  public var request: String
  /// Where it was captured, and from whom.
  public var source: CapturedCase.Source
  public var verdict: Verdict
  /// The rule that took it; `nil` where none did.
  public var rule: String?
  /// Why it was not computed, or what went wrong beside the results; `nil` where nothing did.
  public var reason: String?
  /// Steps of the epilogue that the backend leaves to the host: its results then are those before these steps, and not what
  /// was captured.
  public var stepsLeft = 0
  /// One entry for each result of the operation.
  public var results: [Result] = []

  public enum Verdict: String, Sendable, Codable {
    /// Within what the dtypes and the length of the sums allow around the exact result.
    case right
    case wrong
    /// No rule takes it, or the backend would not prepare it; the router would ask another.
    case declined
  }

  /// One result, at the element that tells most: the worst of the backend, else the worst of what was captured.
  public struct Result: Sendable, Codable, Hashable {
    /// In row-major order.
    public var element: Int
    /// Of how many.
    public var count: Int
    /// In float64; numbers are texts, since JSON has no infinities.
    public var exact: String
    /// What the backend computed; `nil` where it computed nothing.
    public var got: String?
    /// `nil` where the two are not of the same steps.
    public var captured: String?
    /// How many elements are further from the exact result than they may be.
    public var wrong: Int?
    public var capturedWrong: Int?
    /// Whether all bytes are those that were captured.
    public var isSameAsCaptured: Bool?
  }
}
