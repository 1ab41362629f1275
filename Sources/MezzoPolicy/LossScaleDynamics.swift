extension LossScale {
  /// How a dynamic scale moves. The systems differ in these settings alone; all of them run the same code.
  public struct Dynamics: Sendable, Hashable {
    /// At which of the finite steps in a row the scale grows, N being the interval.
    public enum GrowthTrigger: String, Sendable, Hashable, Codable {
      /// At the N-th, or at any later one if the count is already beyond it: TensorFlow. An interval below 1 is as 1.
      case nthStepOrLater
      /// At the N-th exactly: Keras 3, PyTorch, jmp, Apex. With an interval below 1 the scale never grows.
      case nthStep
      /// At the one after the N-th: Flax, which compares before it counts.
      case stepAfterNth
    }

    /// What happens to growth that would pass the ceiling.
    public enum CeilingRule: String, Sendable, Hashable, Codable {
      /// The scale stays.
      case drop
      /// The scale grows to the ceiling.
      case clip
    }

    /// Finite steps in a row until the scale grows.
    public let growthInterval: Int

    /// At which step exactly.
    public let growthTrigger: GrowthTrigger

    /// What the scale is multiplied by when it grows.
    public let growthFactor: Float

    /// What the scale is multiplied by when a step is skipped.
    public let backoffFactor: Float

    /// Where backing off ends. Above 0, or gradients could never be unscaled again.
    public let floor: Float

    /// What growth may not exceed; nil: the largest finite `Float`.
    public let ceiling: Float?

    /// What becomes of growth that would.
    public let ceilingRule: CeilingRule

    /// Whether a skipped step counts as an iteration of the optimizer.
    public let countsSkippedSteps: Bool

    /// The defaults are TensorFlow 2.4's.
    public init(
      growthInterval: Int = 2000, growthTrigger: GrowthTrigger = .nthStepOrLater, growthFactor: Float = 2,
      backoffFactor: Float = 0.5, floor: Float = 1, ceiling: Float? = nil, ceilingRule: CeilingRule = .drop,
      countsSkippedSteps: Bool = true
    ) {
      self.growthInterval = growthInterval
      self.growthTrigger = growthTrigger
      self.growthFactor = growthFactor
      self.backoffFactor = backoffFactor
      self.floor = floor
      self.ceiling = ceiling
      self.ceilingRule = ceilingRule
      self.countsSkippedSteps = countsSkippedSteps
    }

    /// Whether one more finite step makes the scale grow.
    func isDueToGrow(after goodSteps: Int) -> Bool {
      switch growthTrigger {
      // In this order the sums cannot overflow, whatever count a file brought.
      case .nthStepOrLater: goodSteps >= growthInterval || goodSteps + 1 >= growthInterval
      case .nthStep: goodSteps < growthInterval && goodSteps + 1 == growthInterval
      case .stepAfterNth: goodSteps == growthInterval
      }
    }

    /// The scale after growth; nil where it stays. Growth never makes it smaller or infinite.
    func grown(_ scale: Float) -> Float? {
      let ceiling = min(ceiling ?? .greatestFiniteMagnitude, .greatestFiniteMagnitude)
      let grown = scale * growthFactor
      if grown <= ceiling { return grown }
      guard ceilingRule == .clip, scale < ceiling else { return nil }
      return ceiling
    }
  }
}

extension LossScale.Dynamics: Codable {
  private enum Key: String, CodingKey {
    case growthInterval, growthTrigger, growthFactor, backoffFactor, floor, ceiling, ceilingRule, countsSkippedSteps
  }

  /// Settings that are not there are TensorFlow's.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      growthInterval: try container.decode(Int.self, forKey: .growthInterval),
      growthTrigger: try container.decodeIfPresent(GrowthTrigger.self, forKey: .growthTrigger) ?? .nthStepOrLater,
      growthFactor: try container.decode(Float.self, forKey: .growthFactor),
      backoffFactor: try container.decode(Float.self, forKey: .backoffFactor),
      floor: try container.decode(Float.self, forKey: .floor),
      ceiling: try container.decodeIfPresent(Float.self, forKey: .ceiling),
      ceilingRule: try container.decodeIfPresent(CeilingRule.self, forKey: .ceilingRule) ?? .drop,
      countsSkippedSteps: try container.decodeIfPresent(Bool.self, forKey: .countsSkippedSteps) ?? true)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(growthInterval, forKey: .growthInterval)
    try container.encode(growthTrigger, forKey: .growthTrigger)
    try container.encode(growthFactor, forKey: .growthFactor)
    try container.encode(backoffFactor, forKey: .backoffFactor)
    try container.encode(floor, forKey: .floor)
    try container.encodeIfPresent(ceiling, forKey: .ceiling)
    try container.encode(ceilingRule, forKey: .ceilingRule)
    try container.encode(countsSkippedSteps, forKey: .countsSkippedSteps)
  }
}
