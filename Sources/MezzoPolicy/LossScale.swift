/// The factor that a float16 loss is multiplied by before its gradients are taken, so that small gradients do not
/// underflow, and the rule by which it follows their fate.
///
/// A run of steps with finite gradients grows the scale; a step whose gradients are not all finite is skipped and lowers
/// it. ``Dynamics`` says by how much, when and within which bounds; `dynamic()` has TensorFlow 2.4's settings, and there
/// is a preset for each of the other systems. Numbers are not checked: as in TensorFlow an initial scale may be below the
/// floor, and then rises to it on the first skipped step.
///
/// ```swift
/// var scale = LossScale.dynamic()              // 32768, doubled at the 2000th good step, at least 1
/// let event = scale.update(gradientsAreFinite: false)
/// event.appliesStep                            // false: .shrank(from: 32768, to: 16384)
/// ```
public struct LossScale: Sendable, Hashable, Codable {
  /// What an update did.
  public enum Event: Sendable, Hashable, Codable {
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

  /// - Parameters:
  ///   - initialScale: what the loss is multiplied by in the first step.
  ///   - dynamics: how the scale moves; nil for one that is fixed.
  public init(initialScale: Float, dynamics: Dynamics?) {
    self.initialScale = initialScale
    self.dynamics = dynamics
    value = initialScale
    goodSteps = 0
  }

  /// A scale that never changes. Its arithmetic skips no step; who trains with it decides about gradients that are not finite.
  public static func fixed(_ scale: Float) -> LossScale {
    LossScale(initialScale: scale, dynamics: nil)
  }

  /// Whether the scale follows the gradients.
  public var isDynamic: Bool { dynamics != nil }

  /// Whether a step that is skipped counts as an iteration of the optimizer, which Adam's bias correction and schedules
  /// go by. With a fixed scale no step is skipped.
  public var countsSkippedSteps: Bool { dynamics?.countsSkippedSteps ?? true }

  /// Takes up the state of another time, such as a checkpoint's. A fixed scale takes the scale alone.
  ///
  /// - Parameters:
  ///   - value: the current scale.
  ///   - goodSteps: finite steps since it last changed; whatever a file says, later updates do not trap.
  public mutating func restore(value: Float, goodSteps: Int) {
    self.value = value
    self.goodSteps = isDynamic ? goodSteps : 0
  }

  /// Takes note of one step.
  ///
  /// - Parameter gradientsAreFinite: whether every element of every gradient of the step is finite. Zeros are.
  /// - Returns: what became of the scale, and whether the step is to be applied.
  public mutating func update(gradientsAreFinite: Bool) -> Event {
    guard let dynamics else { return .unchanged }
    return gradientsAreFinite ? countGoodStep(dynamics) : backOff(dynamics)
  }

  private mutating func countGoodStep(_ dynamics: Dynamics) -> Event {
    guard dynamics.isDueToGrow(after: goodSteps) else {
      // A count from a file may be as large as there is.
      if goodSteps < .max { goodSteps += 1 }
      return .unchanged
    }
    goodSteps = 0
    let previous = value
    guard let grown = dynamics.grown(previous) else { return .growthDropped(at: previous) }
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
