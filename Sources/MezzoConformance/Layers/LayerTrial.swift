import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime

/// A layer under a policy, with inputs and weights that are the same for all policies.
struct LayerTrial {
  let model: Model
  let arguments: Arguments<Tensor>
  private let inputs: [Tensor]
  private let weights: [Tensor]
  /// What the plan is run with.
  private let values: [Tensor]
  /// What the loss is differentiated by: places in `values`.
  private let moving: [Int]
  private let plan: Plan
  private let outputCount: Int
  private let specimen: LayerSpecimen
  private let policy: DTypePolicy

  /// - Parameters:
  ///   - factor: of the inputs, which are otherwise of order 1.
  ///   - hiding: a mask that is false everywhere.
  init(
    _ specimen: LayerSpecimen, _ policy: DTypePolicy, _ shapes: [[Int]], factor: Double = 1, isTraining: Bool = false,
    hiding: (name: String, isSquare: Bool)? = nil, differentiates: Bool = false, weightsOf other: LayerTrial? = nil
  ) throws {
    var random = SplitMix(state: 7)
    let inputs = try shapes.map { shape in
      if let limit = specimen.integersBelow {
        return try Tensor(TensorType(.int32, shape)) { Double(random.next() % UInt64(limit)) }
      }
      // Exact in 16 bits, so that policies differ in their arithmetic alone.
      return try Tensor(TensorType(.float32, shape)) {
        let unit = ((random.uniform() * 4 - 2) * 64).rounded() / 64 + 1 / 128
        return factor == 1 ? unit : (unit * factor).rounded()
      }
    }
    let wide =
      try policy == .float64 && specimen.integersBelow == nil ? inputs.map { try $0.cast(to: .float64) } : inputs
    try self.init(
      specimen, policy, wide, isTraining: isTraining, hiding: hiding, differentiates: differentiates,
      weights: other?.weights)
  }

  private init(
    _ specimen: LayerSpecimen, _ policy: DTypePolicy, _ inputs: [Tensor], isTraining: Bool = false,
    view: LayerView? = nil,
    hiding: (name: String, isSquare: Bool)? = nil, differentiates: Bool = false, weights known: [Tensor]? = nil
  ) throws {
    var layer = try specimen.make(policy)
    var shown = inputs
    if let view {
      layer = ViewedLayer(layer, view, rows: inputs[0].shape[0])
      shown = try inputs.map { try view.stored($0) }
    }
    model = Model(layer)
    self.specimen = specimen
    self.policy = policy
    self.inputs = inputs
    var named: [String: Tensor] = [:]
    if let hiding {
      let (query, key) = (inputs[0].shape, inputs[inputs.count - 1].shape)
      named[hiding.name] = try Tensor(
        zeros: TensorType(.bool, hiding.isSquare ? [query[0], query[1], key[1]] : [key[0], key[1]]))
    }
    let leaves = shown.map { Tree.tensor($0) }
    arguments = Arguments(
      positional: specimen.takesArray ? [.array(leaves)] : leaves, named: named.mapValues { .tensor($0) })
    let call = try TracedCall(model, inputs: arguments.map(\.type), isTraining: isTraining) { _ in .constant }
    var random = SplitMix(state: 11)
    let weights = try call.variables.enumerated().map { index, spec in
      if let known { return try known[index].cast(to: spec.type.dtype) }
      let start = try spec.initializer.tensor(TensorType(.float64, spec.type.shape), seed: 3, path: spec.path).scalars()
      let moved = start.map { (($0 + random.uniform() * 0.25 - 0.125) * 128).rounded() / 128 }
      return try Tensor(moved, shape: spec.type.shape, dtype: spec.type.dtype)
    }
    self.weights = weights
    if !isTraining {
      try model.build(inputs: arguments.map(\.type))
      var variables = try model.variables
      for (spec, weight) in zip(call.variables, weights) {
        variables.set(spec.path, weight, isTrainable: spec.isTrainable)
      }
      try model.setVariables(variables)
    }
    var outputs = call.outputs.leaves.compactMap { $0 }
    outputCount = outputs.count
    if differentiates {
      // A weight for each element, so that none cancels another.
      var loss = try call.trace.constant(0, dtype: .float64)
      for output in outputs.prefix(1) {
        let factors = call.trace.input(TensorType(.float64, output.shape), name: "factors")
        loss = try loss + (output.cast(to: .float64) * factors).sum()
      }
      let sources = call.inputs.positional.flatMap(\.leaves).compactMap { $0 }.filter(\.dtype.isFloatingPoint)
      let trainable = call.variables.filter(\.isTrainable).compactMap { call.symbol($0.path) }
      outputs += [loss] + (try call.trace.gradients(of: loss, by: sources + trainable))
    }
    let graph = call.trace.finish(outputs)
    plan = try Runtime.shared.plan(graph)
    let paths = call.variables.map(\.path)
    let byPath = Dictionary(uniqueKeysWithValues: zip(paths, weights))
    var generator = SplitMix(state: 13)
    let given = shown + named.keys.sorted().compactMap { named[$0] }
    // Behind what is given come weights, keys of random numbers, and factors.
    values =
      try given
      + graph.inputs.dropFirst(given.count).map { input in
        let type = graph.values[input.value]
        return try byPath[input.name] ?? Tensor(type) { type.dtype.isFloatingPoint ? generator.uniform() * 2 - 1 : 1 }
      }
    moving =
      inputs.indices.filter { inputs[$0].dtype.isFloatingPoint }
      + call.variables.filter(\.isTrainable).compactMap { spec in graph.inputs.firstIndex { $0.name == spec.path } }
  }

  /// The outputs.
  func run() throws -> [Tensor] { Array(try plan.run(values).prefix(outputCount)) }

  /// The gradients by inputs and trainable weights.
  func gradients() throws -> [Tensor] { Array(try plan.run(values).dropFirst(outputCount + 1)) }

  /// The slope of the loss along one direction, by gradients and by central differences.
  func slopes(step: Double) throws -> (gradient: Double, difference: Double) {
    var generator = SplitMix(state: 17)
    let directions = try moving.map { place in
      try Tensor(TensorType(.float64, values[place].shape)) { generator.uniform() * 2 - 1 }
    }
    let gradients = try gradients()
    let slope = zip(gradients, directions).reduce(0) { sum, pair in
      sum + zip(pair.0.scalars(), pair.1.scalars()).reduce(0) { $0 + $1.0 * $1.1 }
    }
    func loss(_ step: Double) throws -> Double {
      var moved = values
      for (place, direction) in zip(moving, directions) {
        let shifted = zip(values[place].scalars(), direction.scalars()).map { $0 + step * $1 }
        moved[place] = try Tensor(shifted, shape: values[place].shape, dtype: values[place].dtype)
      }
      return try plan.run(moved)[outputCount].scalar()
    }
    return (slope, (try loss(step) - loss(-step)) / (2 * step))
  }

  /// The same with inputs that are views: the layer in memory, and what the views show laid out one after the other.
  func viewed(_ view: LayerView) throws -> (view: LayerTrial, plain: LayerTrial) {
    let plain = try LayerTrial(specimen, policy, try inputs.map { try view.seen($0) }, weights: weights)
    return (try LayerTrial(specimen, policy, plain.inputs, view: view, weights: weights), plain)
  }

  /// The same with the first examples alone.
  func limited(to batch: Int) throws -> LayerTrial {
    let limited = try inputs.map { input in
      let width = input.shape.dropFirst().reduce(1, *)
      return try Tensor(
        Array(input.scalars().prefix(batch * width)), shape: [batch] + input.shape.dropFirst(), dtype: input.dtype)
    }
    return try LayerTrial(specimen, policy, limited, weights: weights)
  }
}
