import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// Where infinity or NaN first appeared in a run.
public struct NonFiniteReport: Sendable, Hashable, CustomStringConvertible {
  public var layer: String
  public var phase: Graph.Phase
  /// The operation that made it, or `input` or `variable` with its name.
  public var operation: String
  public var dtype: DType
  public var infinities: Int
  public var nans: Int
  /// The largest magnitude among the finite elements beside it.
  public var largestFinite: Double

  public var description: String {
    let place = layer.isEmpty ? "outside any layer" : "layer \(layer)"
    let counts = [(infinities, "infinite"), (nans, "NaN")].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return "\(place), \(phase.rawValue), \(operation) in \(dtype.name): \(counts.joined(separator: ", ")), "
      + "largest finite magnitude \(largestFinite)"
  }
}

extension Plan {
  /// Runs once more with the same operands and looks at every result; `nil` if all is finite. The states are not changed.
  public func firstNonFinite(_ inputs: [Tensor], states: [Tensor]) throws(RuntimeError) -> NonFiniteReport? {
    var (nextInput, nextState) = (0, 0)
    for input in graph.inputs {
      let isState = input.role == .state
      let tensors = isState ? states : inputs
      let place = isState ? nextState : nextInput
      if isState { nextState += 1 } else { nextInput += 1 }
      guard tensors.indices.contains(place) else { break }
      // A variable's name is its path, and what stands before its last part is its layer.
      let layer = input.role == .argument ? "" : input.name.split(separator: ".").dropLast().joined(separator: ".")
      let what = input.role == .argument ? "input" : "variable"
      let origin = Graph.Origin(layer: layer, phase: .forward)
      if let report = NonFiniteReport(tensors[place], origin: origin, operation: "\(what) \(input.name)") {
        return report
      }
    }
    var first: NonFiniteReport?
    var scratch = states
    _ = try execute(inputs, states: &scratch) { step, result in
      if first == nil { first = NonFiniteReport(result, origin: step.origin, operation: step.name) }
    }
    return first
  }
}

extension NonFiniteReport {
  fileprivate init?(_ tensor: Tensor, origin: Graph.Origin, operation: String) {
    guard tensor.dtype.isFloatingPoint else { return nil }
    let scalars = tensor.scalars()
    let nans = scalars.count { $0.isNaN }
    let infinities = scalars.count { $0.isInfinite }
    guard nans + infinities > 0 else { return nil }
    self.init(
      layer: origin.layer, phase: origin.phase, operation: operation, dtype: tensor.dtype, infinities: infinities,
      nans: nans, largestFinite: scalars.filter(\.isFinite).map(\.magnitude).max() ?? 0)
  }
}
