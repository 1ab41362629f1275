import MezzoBackend
public import MezzoGraph
import MezzoPolicy

extension Plan {
  /// Runs once more with the same operands and looks at every result; nil if all is finite. The states are not changed.
  ///
  /// - Parameters:
  ///   - inputs: as in ``run(_:states:)``.
  ///   - states: as in ``run(_:states:)``, before the run that is to be explained.
  public func firstNonFinite(_ inputs: [Tensor], states: [Tensor]) throws(RuntimeError) -> NonFiniteReport? {
    let search = NonFiniteSearch(self)
    var scratch = states
    _ = try execute(inputs, states: &scratch, observer: search)
    return search.report(inputs, states)
  }
}

/// Looks over the steps of one run and keeps the first with a result that is not finite.
private final class NonFiniteSearch: StepObserver {
  private let plan: Plan
  /// Where values come from, as reports name it.
  private var sources: [Int: String] = [:]
  /// Values that are variables, or variables in another dtype.
  private var variables: [Int: String] = [:]
  /// Values that are gradients, or gradients in another dtype, by the variable's name.
  private var gradients: [Int: String]
  private var first: NonFiniteReport?

  init(_ plan: Plan) {
    self.plan = plan
    gradients = plan.gradients.mapValues { plan.graph.inputs[$0].name }
    for input in plan.graph.inputs {
      sources[input.value] = input.name
      if input.role != .argument { variables[input.value] = input.name }
    }
  }

  func wants(_ step: StepLayout) -> Bool { true }

  func look(_ step: StepLayout, _ operands: [Tensor], _ results: [Tensor]) {
    name(step)
    for (place, result) in zip(step.results, results) where result.dtype.isFloatingPoint {
      let gradient = gradients[place.value]
      guard first == nil || isWaiting(for: gradient) else { continue }
      let elements = ElementCensus(result)
      guard !elements.isFinite else { continue }
      if first == nil { first = report(step, place, elements, gradient: gradient, operands) }
      if isWaiting(for: gradient) { first?.firstGradient = gradient }
    }
  }

  func report(_ inputs: [Tensor], _ states: [Tensor]) -> NonFiniteReport? {
    let given = plan.graph.inputs.indices.filter { plan.graph.inputs[$0].role != .state }
    let tensors = Array(zip(given, inputs)) + Array(zip(plan.stateInputs, states))
    let broken = tensors.sorted { $0.0 < $1.0 }.compactMap { place, tensor -> NonFiniteReport.Input? in
      let (input, elements) = (plan.graph.inputs[place], ElementCensus(tensor))
      guard !elements.isFinite else { return nil }
      return NonFiniteReport.Input(name: input.name, role: input.role, layer: input.layer, elements: elements)
    }
    if var report = first {
      report.inputs = broken
      return report
    }
    return broken.first.map { input in
      NonFiniteReport(
        layer: input.layer, phase: .forward, operation: nil, parameters: input.role == .argument ? [] : [input.name],
        elements: input.elements, operands: [], inputs: broken, firstGradient: nil)
    }
  }

  /// Behind a forward pass that is not finite, no gradient is.
  private func isWaiting(for gradient: String?) -> Bool {
    guard let first, gradient != nil else { return false }
    return first.phase == .backward && first.firstGradient == nil
  }

  private func report(
    _ step: StepLayout, _ place: StepLayout.Place, _ elements: ElementCensus, gradient: String?, _ operands: [Tensor]
  ) -> NonFiniteReport {
    let parameters: [String]
    if let gradient {
      parameters = [gradient]
    } else if let state = plan.updates[place.value] {
      parameters = [plan.graph.inputs[state].name]
    } else {
      parameters = step.inputs.reduce(into: []) { read, input in
        if let variable = variables[input.value], !read.contains(variable) { read.append(variable) }
      }
    }
    return NonFiniteReport(
      layer: step.origin.layer, phase: step.origin.phase, operation: step.name, parameters: parameters,
      elements: elements,
      operands: zip(step.inputs, operands).filter { $1.dtype.isFloatingPoint }.map {
        NonFiniteReport.Operand(source: sources[$0.value], elements: ElementCensus($1))
      },
      inputs: [], firstGradient: nil)
  }

  /// A cast is no source of its own: what counts is what was cast.
  private func name(_ step: StepLayout) {
    let cast = step.name == OperationCode.cast.name ? step.inputs.first?.value : nil
    for place in step.results {
      if let cast {
        variables[place.value] = variables[cast]
        // Behind the backward pass, a gradient in another dtype is on its way to the update.
        if step.origin.phase == .backward, gradients[place.value] == nil { gradients[place.value] = gradients[cast] }
      }
      sources[place.value] =
        gradients[place.value].map { "the gradient of \($0)" } ?? cast.flatMap { sources[$0] } ?? step.name
    }
  }
}
