public import MezzoBackend
public import MezzoGraph

/// Another optimizer, whose learning rate a schedule says. In configurations it is that optimizer, with the schedule in the
/// place of the rate, as in Keras.
public struct Scheduled: Optimizer {
  public private(set) var innerOptimizer: any Optimizer
  public var schedule: LearningRateSchedule

  public init(_ inner: any Optimizer, by schedule: LearningRateSchedule) {
    innerOptimizer = inner
    self.schedule = schedule
  }

  /// Before the first step. Setting it ends the schedule.
  public var learningRate: Double {
    get { schedule(0) }
    set { schedule = .constant(newValue) }
  }

  public func rate(atStep step: Int) -> Double { schedule(step) }

  public var clipping: GradientClipping? { innerOptimizer.clipping }

  public var slots: [String] { innerOptimizer.slots }

  public var publishedSlot: String? { innerOptimizer.publishedSlot }

  public func slot(_ name: String, of variable: TensorType, at path: String) -> OptimizerSlot {
    innerOptimizer.slot(name, of: variable, at: path)
  }

  public func check() throws(TrainingError) {
    try innerOptimizer.check()
    try schedule.check()
    try checkRate()
  }

  public func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    try innerOptimizer.update(variable, slots: slots, gradient: gradient, schedule: schedule)
  }

  public init(from decoder: any Decoder) throws {
    let read = try AnyOptimizer(from: decoder).optimizer
    self = read as? Scheduled ?? Scheduled(read, by: .constant(read.learningRate))
  }

  public func encode(to encoder: any Encoder) throws { try AnyOptimizer(self).encode(to: encoder) }
}
