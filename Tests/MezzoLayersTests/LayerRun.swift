import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// One call of a layer with given weights, and the gradients of Σ output · cotangent.
struct LayerRun {
  var output: Tensor
  var inputGradient: Tensor?
  var weightGradients: [String: Tensor] = [:]
  /// What the call left in the variables that it assigned to.
  var assigned: [String: Tensor] = [:]
  var variables: [VariableSpec]
  var graph: Graph

  /// - Parameters:
  ///   - weights: by name, rounded to what they are stored in; by default what their initializers give.
  ///   - cotangent: without one, no gradients.
  init(
    _ layer: any Layer, _ input: Tensor, mask: Tensor? = nil, weights: [String: [Double]] = [:],
    cotangent: [Double]? = nil, isTraining: Bool = false
  ) throws {
    let runtime = Runtime.builtinOnly()
    let named = mask.map { ["mask": Tree.tensor($0.type)] } ?? [:]
    let call = try TracedCall(
      Model(layer, runtime: runtime), inputs: Arguments(.tensor(input.type), named: named), isTraining: isTraining
    ) { _ in .constant }
    let trainable = call.variables.filter(\.isTrainable).map(\.path)
    let result = try call.output
    var outputs = [result] + call.assignments.map(\.value)
    var inputs = [input] + (mask.map { [$0] } ?? [])
    for spec in call.variables {
      inputs.append(
        try weights[spec.path].map { try Tensor($0, shape: spec.type.shape, dtype: spec.type.dtype) }
          ?? spec.initializer.tensor(spec.type, seed: 1, path: spec.path))
    }
    if let cotangent {
      let wide = try result.cast(to: .float64)
      let factors = try Tensor(cotangent, shape: result.shape, dtype: .float64)
      let loss = try (wide * call.trace.input(factors.type, name: "cotangent")).sum()
      inputs.append(factors)
      let floating = call.inputs.leaves.prefix(1).compactMap { $0 }.filter { $0.dtype.isFloatingPoint }
      let sources = floating + trainable.compactMap(call.symbol)
      outputs += try call.trace.gradients(of: loss, by: sources)
    }
    variables = call.variables
    graph = call.trace.finish(outputs)
    var results = try runtime.plan(graph).run(inputs)[...]
    output = results.removeFirst()
    for (variable, _) in call.assignments { assigned[variable.path] = results.removeFirst() }
    guard cotangent != nil else { return }
    if input.dtype.isFloatingPoint { inputGradient = results.removeFirst() }
    for path in trainable { weightGradients[path] = results.removeFirst() }
  }

  /// The stored dtype of each variable.
  var dtypes: [String: DType] { Dictionary(uniqueKeysWithValues: variables.map { ($0.path, $0.type.dtype) }) }
}

/// The gradient of a function of many numbers by central differences, good to about 1e-9 for functions of order 1.
func differences(_ x: [Double], step: Double = 1e-5, _ function: ([Double]) -> Double) -> [Double] {
  x.indices.map { index in
    func at(_ offset: Double) -> Double {
      var moved = x
      moved[index] += offset
      return function(moved)
    }
    return (at(step) - at(-step)) / (2 * step)
  }
}

/// The largest distance beyond one rounding to `dtype`, as a part of the largest expected magnitude.
func excess(_ got: [Double], _ expected: [Double], roundedTo dtype: DType) -> Double {
  let unit = (dtype.epsilon ?? 1) / 2
  let largest = expected.reduce(1e-300) { max($0, abs($1)) }
  return zip(got, expected).reduce(got.count == expected.count ? 0 : .infinity) { worst, pair in
    let (got, expected) = pair
    let distance = abs(got - expected) - unit * abs(expected) - (dtype.leastSubnormal ?? 0)
    return distance.isNaN ? .infinity : max(worst, distance / largest)
  }
}
