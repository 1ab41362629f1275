public import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// Another optimizer, with a running average of every variable beside it: Keras's `use_ema`.
///
/// `a ← momentum·a + (1 − momentum)·w` after each update, from the first update on. Training goes on from the variables as
/// they are; the model gets their averages, at the end of every epoch and of the training.
public struct ExponentialMovingAverage: Optimizer {
  public private(set) var innerOptimizer: any Optimizer
  public var momentum: Double

  public init(_ inner: any Optimizer, momentum: Double = 0.99) {
    innerOptimizer = inner
    self.momentum = momentum
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

  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot {
    name == Self.average ? OptimizerSlot(variable) : innerOptimizer.slot(name, of: variable)
  }

  public func check() throws(TrainingError) {
    try innerOptimizer.check()
    try require((0...1).contains(momentum), "the momentum of averages", "from 0 to 1", momentum)
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
    return (new.variable, new.slots + [try schedule.apply.select(moved, average)])
  }
}

/// `{"inner_optimizer": {"class_name": "Adam", …}, "momentum": 0.99}`
extension ExponentialMovingAverage: Codable {
  private enum Key: String, CodingKey {
    case innerOptimizer = "inner_optimizer"
    case momentum
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    self.init(
      try container.decode(AnyOptimizer.self, forKey: .innerOptimizer).optimizer,
      momentum: try container.decodeIfPresent(Double.self, forKey: .momentum) ?? 0.99)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(AnyOptimizer(innerOptimizer), forKey: .innerOptimizer)
    try container.encode(momentum, forKey: .momentum)
  }
}
