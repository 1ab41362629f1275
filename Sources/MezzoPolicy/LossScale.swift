/// The factor that a float16 loss is multiplied by before its gradients are taken, so that small gradients do not
/// underflow, and the rule by which it follows their fate.
///
/// The dynamic rule is that of TensorFlow 2.4's `LossScaleOptimizer`: a run of `growthInterval` steps with finite
/// gradients grows the scale; a step whose gradients are not all finite is skipped and lowers it. Numbers are not
/// checked: as in TensorFlow an initial scale may be below the floor, and then rises to it on the first skipped step.
public struct LossScale: Sendable, Hashable, Codable {
  /// How a dynamic scale moves.
  public struct Dynamics: Sendable, Hashable, Codable {
    /// Finite steps in a row until the scale grows; 0 and less behave as 1.
    public let growthInterval: Int

    /// What the scale is multiplied by when it grows.
    public let growthFactor: Float

    /// What the scale is multiplied by when a step is skipped.
    public let backoffFactor: Float

    /// Where backing off ends.
    public let floor: Float

    /// What growth may not exceed; nil: the largest finite `Float`.
    public let ceiling: Float?
  }

  /// What an update did.
  public enum Event: Sendable, Hashable {
    /// The step is to be applied; the scale stays.
    case unchanged
    /// The step is to be applied; the scale has grown.
    case grew(from: Float, to: Float)
    /// The step is to be applied; the scale was due to grow, but would have passed its ceiling or become infinite,
    /// and stays. The count of good steps starts again.
    case growthDropped(at: Float)
    /// The step is to be skipped; the scale has backed off.
    case shrank(from: Float, to: Float)
    /// The step is to be skipped; the scale was below its floor and has risen to it.
    case roseToFloor(from: Float, to: Float)
    /// The step is to be skipped; the scale stays, because it cannot back off further.
    case skipped(at: Float)

    /// Whether the optimizer is to apply the gradients of this step.
    public var appliesStep: Bool {
      switch self {
      case .unchanged, .grew, .growthDropped: true
      case .shrank, .roseToFloor, .skipped: false
      }
    }
  }

  /// The scale that this started from; configurations hold this one and not the current one.
  public let initialScale: Float

  /// How the scale moves; nil if it is fixed.
  public let dynamics: Dynamics?

  /// The scale now.
  public private(set) var value: Float

  /// Finite steps since the scale last grew or a step was skipped; always 0 if the scale is fixed.
  public private(set) var goodSteps: Int

  private init(initialScale: Float, dynamics: Dynamics?) {
    self.initialScale = initialScale
    self.dynamics = dynamics
    value = initialScale
    goodSteps = 0
  }

  /// A scale that grows while gradients are finite and backs off when they are not. The defaults are TensorFlow's.
  public static func dynamic(
    initialScale: Float = 32768, growthInterval: Int = 2000, growthFactor: Float = 2, backoffFactor: Float = 0.5,
    floor: Float = 1, ceiling: Float? = nil
  ) -> LossScale {
    LossScale(
      initialScale: initialScale,
      dynamics: Dynamics(
        growthInterval: growthInterval, growthFactor: growthFactor, backoffFactor: backoffFactor, floor: floor,
        ceiling: ceiling))
  }

  /// A scale that never changes. Its arithmetic skips no step; who trains with it decides about gradients that are not finite.
  public static func fixed(_ scale: Float) -> LossScale {
    LossScale(initialScale: scale, dynamics: nil)
  }

  /// Whether the scale follows the gradients.
  public var isDynamic: Bool { dynamics != nil }

  /// Takes note of one step.
  ///
  /// - Parameter gradientsAreFinite: whether every element of every gradient of the step is finite. Zeros are.
  /// - Returns: what became of the scale, and whether the step is to be applied.
  public mutating func update(gradientsAreFinite: Bool) -> Event {
    guard let dynamics else { return .unchanged }
    return gradientsAreFinite ? countGoodStep(dynamics) : backOff(dynamics)
  }

  private mutating func countGoodStep(_ dynamics: Dynamics) -> Event {
    // In this order the sum cannot overflow, whatever count a file brought.
    if goodSteps < dynamics.growthInterval, goodSteps + 1 < dynamics.growthInterval {
      goodSteps += 1
      return .unchanged
    }
    goodSteps = 0
    let previous = value
    let grown = previous * dynamics.growthFactor
    guard grown.isFinite, grown <= dynamics.ceiling ?? .greatestFiniteMagnitude else {
      return .growthDropped(at: previous)
    }
    value = grown
    return .grew(from: previous, to: grown)
  }

  private mutating func backOff(_ dynamics: Dynamics) -> Event {
    goodSteps = 0
    let previous = value
    value = max(previous * dynamics.backoffFactor, dynamics.floor)
    if value < previous { return .shrank(from: previous, to: value) }
    return value > previous ? .roseToFloor(from: previous, to: value) : .skipped(at: value)
  }
}
