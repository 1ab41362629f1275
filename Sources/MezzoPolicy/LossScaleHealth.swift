/// Watches a loss scale and tells when it is stuck: at its floor, at its ceiling, or in a run of skipped steps.
///
/// Each trouble is told once, when it begins, and once more when it is over; after that it can begin anew.
///
/// ```swift
/// var health = LossScaleHealth()
/// for event in health.record(scale.update(gradientsAreFinite: isFinite), scale: scale.value) { print(event) }
/// ```
public struct LossScaleHealth: Sendable, Hashable, Codable {
  /// From when on a trouble is told. Values below 1 are as 1.
  public struct Thresholds: Sendable, Hashable, Codable {
    /// Skips while the scale can fall no further. They need not follow each other: until the scale has grown again, it is
    /// still at its floor.
    public var skipsAtFloor: Int
    /// Times that the scale was due to grow and could not, without having moved between.
    public var droppedGrowths: Int
    /// Skipped steps one after the other.
    public var skipsRunning: Int

    public init(skipsAtFloor: Int = 3, droppedGrowths: Int = 2, skipsRunning: Int = 10) {
      self.skipsAtFloor = skipsAtFloor
      self.droppedGrowths = droppedGrowths
      self.skipsRunning = skipsRunning
    }
  }

  /// What a scale can be stuck in.
  public enum Trouble: String, Sendable, Hashable, Codable, CaseIterable {
    case floor, ceiling, skips
  }

  public enum Event: Sendable, Hashable, Codable {
    /// So many steps were skipped although the scale can fall no further: it is not the scale that makes them overflow.
    case stuckAtFloor(scale: Float, skips: Int)
    /// The scale was due to grow so many times and could not: its ceiling, or the largest `Float`, is in the way.
    case stuckAtCeiling(scale: Float, droppedGrowths: Int)
    /// So many steps in a row were skipped: nothing is learnt.
    case skipsRunning(count: Int, scale: Float)
    /// A trouble that was told is over: the scale has left its floor or its ceiling, or a step was applied again.
    case recovered(from: Trouble, scale: Float)

    /// Whether training suffers from it; a scale at its ceiling does no harm by itself.
    public var isWarning: Bool {
      switch self {
      case .stuckAtFloor, .skipsRunning: true
      case .stuckAtCeiling, .recovered: false
      }
    }
  }

  /// What became of all steps so far.
  public struct Summary: Sendable, Hashable, Codable {
    public internal(set) var steps = 0
    public internal(set) var skips = 0
    /// The most steps that were skipped one after the other.
    public internal(set) var longestRun = 0
    /// The scales between which it moved; nil before the first step.
    public internal(set) var smallestScale: Float?
    public internal(set) var largestScale: Float?

    /// Skips of all steps, from 0 to 1; 0 before the first.
    public var skippedShare: Double { steps == 0 ? 0 : Double(skips) / Double(steps) }
  }

  public let thresholds: Thresholds
  public private(set) var summary = Summary()
  /// What was told and is not over.
  public private(set) var troubles: Set<Trouble> = []
  private var skipsAtFloor = 0
  private var droppedGrowths = 0
  private var run = 0

  public init(thresholds: Thresholds = Thresholds()) { self.thresholds = thresholds }

  /// Takes note of one step.
  ///
  /// - Parameters:
  ///   - event: what ``LossScale/update(gradientsAreFinite:)`` said.
  ///   - scale: the scale after it.
  /// - Returns: what began or ended with this step, in the order of ``Trouble``; mostly nothing.
  public mutating func record(_ event: LossScale.Event, scale: Float) -> [Event] {
    count(event, scale)
    switch event {
    case .unchanged: break
    case .growthDropped:
      droppedGrowths += 1
    case .skipped:
      skipsAtFloor += 1
    case .grew, .shrank, .roseToFloor:
      droppedGrowths = 0
      skipsAtFloor = 0
    }
    return [
      turn(.floor, skipsAtFloor, thresholds.skipsAtFloor, .stuckAtFloor(scale: scale, skips: skipsAtFloor), scale),
      turn(
        .ceiling, droppedGrowths, thresholds.droppedGrowths,
        .stuckAtCeiling(scale: scale, droppedGrowths: droppedGrowths), scale),
      turn(.skips, run, thresholds.skipsRunning, .skipsRunning(count: run, scale: scale), scale),
    ].compactMap { $0 }
  }

  private mutating func count(_ event: LossScale.Event, _ scale: Float) {
    run = event.appliesStep ? 0 : run + 1
    summary.steps += 1
    summary.skips += event.appliesStep ? 0 : 1
    summary.longestRun = max(summary.longestRun, run)
    summary.smallestScale = min(summary.smallestScale ?? scale, scale)
    summary.largestScale = max(summary.largestScale ?? scale, scale)
  }

  /// A trouble begins where its count reaches the threshold, and is over when the count starts again.
  private mutating func turn(
    _ trouble: Trouble, _ count: Int, _ threshold: Int, _ begins: Event, _ scale: Float
  ) -> Event? {
    if count >= max(threshold, 1) { return troubles.insert(trouble).inserted ? begins : nil }
    return troubles.remove(trouble).map { .recovered(from: $0, scale: scale) }
  }
}

extension LossScaleHealth.Event: CustomStringConvertible {
  public var description: String {
    switch self {
    case .stuckAtFloor(let scale, let skips):
      """
      the loss scale is stuck at its floor \(scale): \(skips) steps were skipped there. Not the scale makes them overflow; \
      see where the first value that is not finite comes from
      """
    case .stuckAtCeiling(let scale, let growths):
      "the loss scale is stuck at its ceiling \(scale): it was due to grow \(growths) times and could not"
    case .skipsRunning(let count, let scale):
      "\(count) steps in a row were skipped, the loss scale is \(scale): nothing is learnt"
    case .recovered(.floor, let scale): "the loss scale has left its floor and is \(scale)"
    case .recovered(.ceiling, let scale): "the loss scale has left its ceiling and is \(scale)"
    case .recovered(.skips, let scale): "steps are applied again, at a loss scale of \(scale)"
    }
  }
}
