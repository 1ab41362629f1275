public import MezzoBackend
public import MezzoGraph

/// How variables follow their gradients. A value: its state lies in slots beside the variables, in their dtype.
///
/// It knows nothing of loss scaling, but for ``LossScaleOptimizer``, which takes the scale out of the gradients before
/// another optimizer gets them.
public protocol Optimizer: Codable, Sendable {
  /// What configurations call this kind of optimizer: Keras's class name.
  static var className: String { get }

  var learningRate: Double { get set }

  /// How gradients are made smaller first; by default not at all.
  var clipping: GradientClipping? { get }

  /// The rate of the update after `step` others; by default ``learningRate`` at every one.
  func rate(atStep step: Int) -> Double

  /// The names of what is kept for each variable: `["momentum"]`.
  var slots: [String] { get }

  /// What the slot of that name is for a variable; by default zeros of its type.
  func slot(_ name: String, of variable: TensorType) -> OptimizerSlot

  /// The same for the variable at `path`; by default its type decides alone.
  func slot(_ name: String, of variable: TensorType, at path: String) -> OptimizerSlot

  /// The slot that the model gets in the place of each variable when a training hands over its weights; by default none.
  var publishedSlot: String? { get }

  /// - Throws: `TrainingError.invalidOption` where a setting cannot train anything.
  func check() throws(TrainingError)

  /// - Parameters:
  ///   - slots: in the order of ``slots``.
  ///   - gradient: without a loss scale, clipped, in the dtype of the variable.
  ///   - schedule: what changes from step to step.
  /// - Returns: the new variable and the new slots; unchanged where `schedule.apply` is false.
  func update(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor])
}

extension Optimizer {
  public static var className: String { "\(Self.self)" }

  public var clipping: GradientClipping? { nil }

  public func rate(atStep step: Int) -> Double { learningRate }

  public func slot(_ name: String, of variable: TensorType) -> OptimizerSlot { OptimizerSlot(variable) }

  public func slot(_ name: String, of variable: TensorType, at path: String) -> OptimizerSlot {
    slot(name, of: variable)
  }

  public var publishedSlot: String? { nil }

  public func check() throws(TrainingError) { try checkRate() }

  /// Rates are applied in float32, and a negative one climbs.
  func checkRate() throws(TrainingError) {
    try require(
      learningRate >= 0 && Float(learningRate).isFinite, "the learning rate", "at least 0 and finite in float32",
      learningRate)
    if let limit = clipping?.limit {
      try require(limit > 0 && limit.isFinite, "the limit of clipping", "above 0 and finite", limit)
    }
  }

  func checkDecay(_ epsilon: Double, _ weightDecay: Double) throws(TrainingError) {
    try require(epsilon >= 0 && epsilon.isFinite, "epsilon", "at least 0", epsilon)
    try require(weightDecay >= 0 && weightDecay.isFinite, "the weight decay", "at least 0", weightDecay)
  }

  func require(_ holds: Bool, _ name: String, _ expected: String, _ found: Double) throws(TrainingError) {
    if !holds { throw .invalidOption(name: name, expected: expected, found: "\(found)") }
  }
}

/// What an optimizer keeps for a variable, before the first update.
public struct OptimizerSlot: Sendable, Hashable {
  public var type: TensorType
  /// Of every element, where it is no copy.
  public var initialValue: Double
  /// Whether it begins as the variable is then, whose type it has.
  public var copiesVariable: Bool

  public init(_ type: TensorType, initialValue: Double = 0, copiesVariable: Bool = false) {
    self.type = type
    self.initialValue = initialValue
    self.copiesVariable = copiesVariable
  }

  /// What it is before the first update of `variable`.
  func tensor(for variable: Tensor) throws -> Tensor {
    copiesVariable && variable.type == type ? variable : try Tensor(type) { initialValue }
  }
}

/// The scalars of one update.
public struct UpdateSchedule {
  /// The learning rate, float64.
  public var rate: SymbolicTensor
  /// Iterations so far and this one, int64.
  public var step: SymbolicTensor
  /// Whether the gradients are finite, bool.
  public var apply: SymbolicTensor
  /// Of the variable that is updated.
  public internal(set) var path = ""
}
