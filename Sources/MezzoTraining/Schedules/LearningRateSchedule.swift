#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the learning rate moves with the steps, in Keras's words and with its arithmetic.
///
/// ```swift
/// let optimizer = Scheduled(
///   Adam(), by: .cosineDecay(initial: 0, steps: 10_000, warmupTarget: 1e-3, warmupSteps: 500))
/// ```
public enum LearningRateSchedule: Sendable, Hashable {
  case constant(Double)
  /// `initial · rate ^ (step ∕ steps)`; with `staircase` in whole powers.
  case exponentialDecay(initial: Double, steps: Int, rate: Double, staircase: Bool = false)
  /// `values[i]` up to and with step `boundaries[i]`; there is one value more than there are boundaries.
  case piecewiseConstant(boundaries: [Int], values: [Double])
  /// From `initial` to `end` in `steps`, by a power of what is left. With `cycle` it begins anew, and takes longer each time.
  case polynomialDecay(initial: Double, steps: Int, end: Double = 1e-4, power: Double = 1, cycle: Bool = false)
  /// `initial ∕ (1 + rate · step ∕ steps)`
  case inverseTimeDecay(initial: Double, steps: Int, rate: Double, staircase: Bool = false)
  /// Half a cosine from `initial` to `alpha` times that (Loshchilov and Hutter, arXiv 1608.03983); with a warm-up first a
  /// line from `initial` to `warmupTarget`.
  case cosineDecay(initial: Double, steps: Int, alpha: Double = 0, warmupTarget: Double? = nil, warmupSteps: Int = 0)
  /// The same again and again, each time over `stepFactor` times as many steps from `rateFactor` times the rate.
  case cosineDecayRestarts(
    initial: Double, firstSteps: Int, stepFactor: Double = 2, rateFactor: Double = 1, alpha: Double = 0)

  /// - Parameter step: of those that were taken before; the first is 0.
  public func callAsFunction(_ step: Int) -> Double {
    let step = Double(max(step, 0))
    switch self {
    case .constant(let rate): return rate
    case .exponentialDecay(let initial, let steps, let rate, let staircase):
      return initial * pow(rate, Self.share(step, steps, staircase))
    case .piecewiseConstant(let boundaries, let values):
      let place = boundaries.firstIndex { step <= Double($0) } ?? boundaries.count
      return values.indices.contains(place) ? values[place] : values.last ?? 0
    case .polynomialDecay(let initial, let steps, let end, let power, let cycle):
      var length = Double(max(steps, 1))
      if cycle { length *= max((step / length).rounded(.up), 1) }
      return (initial - end) * pow(1 - min(step / length, 1), power) + end
    case .inverseTimeDecay(let initial, let steps, let rate, let staircase):
      return initial / (1 + rate * Self.share(step, steps, staircase))
    case .cosineDecay(let initial, let steps, let alpha, let target, let warmup):
      guard let target else { return initial * Self.cosine(min(step / Double(max(steps, 1)), 1), 1, alpha) }
      let length = Double(warmup)
      if step < length { return initial + (target - initial) * step / length }
      return target * Self.cosine(min((step - length) / Double(max(steps, 1)), 1), 1, alpha)
    case .cosineDecayRestarts(let initial, let firstSteps, let stepFactor, let rateFactor, let alpha):
      let done = step / Double(max(firstSteps, 1))
      let restart: Double
      let share: Double
      if stepFactor == 1 {
        restart = done.rounded(.down)
        share = done - restart
      } else {
        restart = (log(1 - done * (1 - stepFactor)) / log(stepFactor)).rounded(.down)
        share = (done - (1 - pow(stepFactor, restart)) / (1 - stepFactor)) / pow(stepFactor, restart)
      }
      return initial * Self.cosine(share, pow(rateFactor, restart), alpha)
    }
  }

  private static func share(_ step: Double, _ steps: Int, _ staircase: Bool) -> Double {
    let share = step / Double(max(steps, 1))
    return staircase ? share.rounded(.down) : share
  }

  private static func cosine(_ share: Double, _ factor: Double, _ alpha: Double) -> Double {
    (1 - alpha) * 0.5 * factor * (1 + cos(.pi * share)) + alpha
  }

  /// - Throws: `TrainingError.invalidOption` for steps, boundaries or factors that make no schedule.
  public func check() throws(TrainingError) {
    func require(_ holds: Bool, _ expected: String) throws(TrainingError) {
      guard holds else { throw .invalidOption(name: "the schedule", expected: expected, found: "\(self)") }
    }
    switch self {
    case .constant: break
    case .exponentialDecay(_, let steps, let rate, _):
      try require(steps > 0 && rate > 0, "one of steps and a rate above 0")
    case .inverseTimeDecay(_, let steps, let rate, _): try require(steps > 0 && rate >= 0, "one of steps above 0")
    case .polynomialDecay(_, let steps, _, let power, _):
      try require(steps > 0 && power > 0, "one of steps and a power above 0")
    case .piecewiseConstant(let boundaries, let values):
      try require(
        values.count == boundaries.count + 1 && boundaries == boundaries.sorted(),
        "one of ascending boundaries and a value more than there are of them")
    case .cosineDecay(_, let steps, _, let target, let warmup):
      try require(
        steps > 0 && warmup >= 0 && (target != nil || warmup == 0),
        "one of steps above 0, and of a warm-up with a target")
    case .cosineDecayRestarts(_, let steps, let stepFactor, let rateFactor, _):
      try require(steps > 0 && stepFactor >= 1 && rateFactor >= 0, "one of steps above 0 that do not become fewer")
    }
  }
}
