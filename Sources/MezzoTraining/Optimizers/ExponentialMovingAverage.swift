public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Another optimizer, with a running average of every variable beside it: Keras's `use_ema`.
///
/// `a ← momentum·a + (1 − momentum)·w` after each update, from the first update on. Training goes on from the variables as
/// they are, or every so many updates from their averages; the model gets the averages, at the end of every epoch and of the
/// training.
public struct ExponentialMovingAverage: Optimizer {
  public private(set) var innerOptimizer: any Optimizer
  public var momentum: Double
  /// After each so many updates the variables become their averages; nil: never.
  public var overwriteFrequency: Int?

  public init(_ inner: any Optimizer, momentum: Double = 0.99, overwriteFrequency: Int? = nil) {
    innerOptimizer = inner
    self.momentum = momentum
    self.overwriteFrequency = overwriteFrequency
  }

  public var learningRate: Double {
    get { innerOptimizer.learningRate }
    set { innerOptimizer.learningRate = newValue }
  }

  public func rate(atStep step: Int) -> Double { innerOptimizer.rate(atStep: step) }

  public var clipping: GradientClipping? { innerOptimizer.clipping }

  private static let average = "average"

  public var slots: [String] { innerOptimizer.slots + [Self.average] }

  public var publishedSlot: String? { Self.average }

  public func slot(_ name: String, of variable: TensorType, at path: String) -> OptimizerSlot {
    name == Self.average ? OptimizerSlot(variable) : innerOptimizer.slot(name, of: variable, at: path)
  }

  public func check() throws(TrainingError) {
    try innerOptimizer.check()
    try require((0...1).contains(momentum), "the momentum of averages", "from 0 to 1", momentum)
    if let frequency = overwriteFrequency, frequency < 1 {
      throw .invalidOption(name: "the frequency of overwriting", expected: "at least 1", found: "\(frequency)")
    }
    guard !innerOptimizer.slots.contains(Self.average), !(innerOptimizer is LossScaleOptimizer) else {
      throw .invalidOption(
        name: "the optimizer of an ExponentialMovingAverage",
        expected: "one without averages and loss scaling, which goes around it", found: "\(innerOptimizer)")
    }
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    guard let average = slots.last else { return (variable, slots) }
    let new = try innerOptimizer.update(
      variable, slots: Array(slots.dropLast()), gradient: gradient, schedule: schedule)
    let trace = schedule.step.trace
    let isFirst = try schedule.step.isLess(trace.constant(2, dtype: .int64))
    let wide = try new.variable.atLeastFloat32()
    let share = try isFirst.select(
      trace.constant(1, dtype: wide.dtype), trace.constant(1 - momentum, dtype: wide.dtype))
    let old = try average.atLeastFloat32()
    let moved = try (old + (wide - old) * share).cast(to: average.dtype)
    let kept = try schedule.apply.select(moved, average)
    return (try overwritten(new.variable, by: kept, schedule), new.slots + [kept])
  }

  private func overwritten(
    _ variable: SymbolicTensor, by average: SymbolicTensor, _ schedule: UpdateSchedule
  ) throws -> SymbolicTensor {
    guard let frequency = overwriteFrequency else { return variable }
    let trace = schedule.step.trace
    // Casts to integers drop what is behind the point.
    let whole = try (schedule.step.cast(to: .float64) / Double(frequency)).cast(to: .int64)
    let isDue = try (whole * trace.constant(Double(frequency), dtype: .int64)).isEqual(schedule.step)
    return try schedule.apply.and(isDue).select(average.cast(to: variable.dtype), variable)
  }
}

/// The configuration is that of the inner optimizer, with `use_ema`, `ema_momentum` and `ema_overwrite_frequency`, as in Keras.
extension ExponentialMovingAverage: Codable {
  public init(from decoder: any Decoder) throws {
    let read = try AnyOptimizer(from: decoder).optimizer
    guard let average = read as? ExponentialMovingAverage else {
      throw TrainingError.invalidOption(
        name: "'use_ema' of \(type(of: read).className)", expected: "true for an average", found: "none")
    }
    self = average
  }

  public func encode(to encoder: any Encoder) throws { try AnyOptimizer(self).encode(to: encoder) }
}
