import MezzoBackend
public import MezzoGraph
public import MezzoPolicy
public import MezzoRuntime

/// Steps of training in eager computation: tensors in, variables updated.
extension LossScaleOptimizer {
  /// `loss` times the current scale.
  public func scaledLoss(_ loss: Tensor, on runtime: Runtime = .shared) throws -> ScaledLoss<Tensor> {
    try ScaledLoss(loss, scale: lossScale.value, on: runtime)
  }

  /// A loss and the gradients of the scaled loss.
  ///
  /// - Parameters:
  ///   - variables: what the gradients are taken by.
  ///   - inputs: what else the loss depends on, such as a batch.
  ///   - loss: traces the loss, a scalar, of the variables and the inputs.
  /// - Returns: the loss without the scale, and the gradients with it.
  public func gradients(
    of variables: [Tensor], inputs: [Tensor] = [], on runtime: Runtime = .shared,
    loss: (_ variables: [SymbolicTensor], _ inputs: [SymbolicTensor]) throws -> SymbolicTensor
  ) throws -> (loss: Tensor, gradients: ScaledGradients<Tensor>) {
    let scale = try Tensor(Double(lossScale.value), dtype: .float32)
    var results = try runtime.evaluate(variables + inputs + [scale]) { symbols in
      let (first, rest) = (Array(symbols[..<variables.count]), Array(symbols[variables.count...].dropLast()))
      let value = try loss(first, rest)
      let gradients = try ScaledLoss(value, scale: symbols[symbols.count - 1]).gradients(by: first)
      return [value] + gradients.values.compactMap { $0 }
    }
    let value = results.removeFirst()
    return (value, ScaledGradients(results, scale: scale))
  }

  /// One step: updates the variables that have a gradient, and the scale.
  ///
  /// With a dynamic scale nothing is applied unless every element of every gradient is finite. With a fixed one everything
  /// is applied, as in TensorFlow.
  ///
  /// - Parameters:
  ///   - gradients: one for each variable, or nil.
  ///   - variables: the same ones at every step; unchanged where this throws.
  /// - Returns: what became of the scale, and whether the step was applied.
  /// - Throws: `TrainingError`, `GraphError` or `RuntimeError`.
  @discardableResult
  public mutating func apply(
    _ gradients: Gradients<Tensor>, to variables: inout [Tensor], on runtime: Runtime = .shared
  ) throws -> LossScale.Event {
    try check(gradients, variables)
    let trace = Trace()
    let rate = trace.input(TensorType(.float64, []), name: "learning rate")
    let step = trace.input(TensorType(.int64, []), name: "step")
    let paths = variables.indices.map { "variable \($0)" }
    let states = zip(variables, paths).map { trace.input($0.type, name: $1, role: .state) }
    let given = Gradients(
      gradients.values.enumerated().map { index, gradient in
        gradient.map { trace.input($0.type, name: "gradient \(index)") }
      })
    guard let areFinite = try given.areFinite() else { throw TrainingError.noGradients }
    let apply = lossScale.isDynamic ? areFinite : try trace.constant(1, dtype: .bool)
    let updates = try VariableUpdates(
      innerOptimizer, states, paths: paths, gradients: given,
      schedule: UpdateSchedule(rate: rate, step: step, apply: apply))
    let types = updates.slots.map(\.slot.type)
    if slotTensors.isEmpty {
      slotTensors = try updates.slots.enumerated().map { place, kept in
        try kept.slot.tensor(for: variables[place / slots.count])
      }
    }
    guard slotTensors.map(\.type) == types else {
      throw TrainingError.otherVariables(expected: slotTensors.map(\.type), found: types)
    }
    let plan = try runtime.plan(trace.finish([areFinite], updates: updates.updates))
    let scalars = [
      try Tensor(self.rate(atStep: iterations), dtype: .float64), try Tensor(Double(iterations + 1), dtype: .int64),
    ]
    var tensors = variables + slotTensors
    let isFinite = try plan.run(scalars + gradients.values.compactMap { $0 }, states: &tensors)[0].scalar() != 0
    slotTensors = Array(tensors[variables.count...])
    variables = Array(tensors[..<variables.count])
    return countStep(gradientsAreFinite: isFinite)
  }

  /// Scales the loss, takes the gradients, unscales and applies them.
  ///
  /// - Returns: the loss without the scale, and what became of the scale.
  @discardableResult
  public mutating func minimize(
    _ variables: inout [Tensor], inputs: [Tensor] = [], on runtime: Runtime = .shared,
    loss: (_ variables: [SymbolicTensor], _ inputs: [SymbolicTensor]) throws -> SymbolicTensor
  ) throws -> (loss: Tensor, event: LossScale.Event) {
    let (value, scaled) = try gradients(of: variables, inputs: inputs, on: runtime, loss: loss)
    return (value, try apply(scaled.unscaled(on: runtime), to: &variables, on: runtime))
  }

  /// Takes note of one step, which the scale may have skipped.
  mutating func countStep(gradientsAreFinite: Bool) -> LossScale.Event {
    let event = lossScale.update(gradientsAreFinite: gradientsAreFinite)
    if event.appliesStep || lossScale.countsSkippedSteps { iterations += 1 }
    return event
  }

  private func check(_ gradients: Gradients<Tensor>, _ variables: [Tensor]) throws(TrainingError) {
    guard gradients.values.count == variables.count else {
      throw .gradientCount(expected: variables.count, found: gradients.values.count)
    }
    for (index, pair) in zip(gradients.values, variables).enumerated() {
      guard let gradient = pair.0 else { continue }
      guard gradient.shape == pair.1.shape, gradient.dtype.isFloatingPoint else {
        throw .gradientType(variable: index, expected: pair.1.type, found: gradient.type)
      }
    }
  }
}
