import MezzoGraph
import MezzoPolicy

/// An update that no backend has as one operation, put together from operations in at least float32.
struct ComposedUpdate {
  /// After weight decay.
  let variable: SymbolicTensor
  let gradient: SymbolicTensor
  let slots: [SymbolicTensor]
  /// The learning rate in the dtype of `variable`.
  let rate: SymbolicTensor
  /// Iterations so far and this one, float64.
  let step: SymbolicTensor
  private let old: (variable: SymbolicTensor, slots: [SymbolicTensor])
  private let apply: SymbolicTensor

  /// - Parameter weightDecay: what part of itself the variable loses, times the rate (Loshchilov and Hutter,
  ///   arXiv 1711.05101).
  init(
    _ variable: SymbolicTensor, slots: [SymbolicTensor], gradient: SymbolicTensor, schedule: UpdateSchedule,
    weightDecay: Double
  ) throws {
    old = (variable, slots)
    apply = schedule.apply
    let wide = try variable.atLeastFloat32()
    rate = try schedule.rate.cast(to: wide.dtype)
    step = try schedule.step.cast(to: .float64)
    self.variable = weightDecay == 0 ? wide : try wide * (1 - rate * weightDecay)
    self.gradient = try gradient.cast(to: wide.dtype)
    self.slots = try slots.map { try $0.atLeastFloat32() }
  }

  /// `base` to the power of the step, in the dtype of the variable.
  func power(_ base: Double, plus offset: Double = 0) throws -> SymbolicTensor {
    try wide(((step + offset) * step.trace.constant(base, dtype: .float64).log()).exp())
  }

  /// A scalar in the dtype of the variable.
  func wide(_ scalar: SymbolicTensor) throws -> SymbolicTensor { try scalar.cast(to: variable.dtype) }

  /// What replaces the variable and the slots, where the step is applied.
  func callAsFunction(
    _ variable: SymbolicTensor, _ slots: [SymbolicTensor]
  ) throws -> (variable: SymbolicTensor, slots: [SymbolicTensor]) {
    func kept(_ new: SymbolicTensor, _ old: SymbolicTensor) throws -> SymbolicTensor {
      try apply.select(new.cast(to: old.dtype), old)
    }
    return (try kept(variable, old.variable), try zip(slots, old.slots).map { try kept($0, $1) })
  }
}
