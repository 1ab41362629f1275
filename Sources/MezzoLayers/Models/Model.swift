public import MezzoBackend
public import MezzoGraph
public import MezzoPolicy
public import MezzoRuntime

/// A layer, its variables, and the plans made for it.
///
/// A reference: training changes the variables that everyone who holds the model sees. Safe to use from several tasks;
/// predictions that run beside a training use the weights of the last finished epoch.
///
/// ```swift
/// let model = Model {
///   Dense(512, activation: .relu)
///   Dense(10, policy: .float32)
/// }
/// let logits = try model(Tensor(zeros: TensorType(.float32, [32, 784])))  // float32[32, 10]
/// ```
public final class Model: Sendable {
  public let layer: any Layer
  /// With the same seed, variables begin with the same values.
  public let seed: UInt64
  public let runtime: Runtime

  /// What it knows since its first input.
  private let state: Locked<BuiltModel?>
  private let plans = Locked(RecentlyUsed<Arguments<TensorType>, Inference>(limit: planLimit))
  private let scale = Locked<LossScale?>(nil)
  private let frozen = Locked(Freezing())
  let rules: CastingRules
  /// The policies of layers by path, for those that were given none of their own.
  public let policyMap: DTypePolicyMap?

  private struct Inference: Sendable {
    var plan: Plan
    var paths: [String]
    /// Variables that the call assigns to, whose new values follow the outputs.
    var states: [String]
    /// The outputs, with their places among the plan's.
    var outputs: Tree<Int>
    private let bound = Locked<(revision: BuiltModel.Revision, constants: ConstantPool)?>(nil)

    init(plan: Plan, paths: [String], states: [String], outputs: Tree<Int>) {
      self.plan = plan
      self.paths = paths
      self.states = states
      self.outputs = outputs
    }

    /// The variables are the plan's constants, bound anew when they are others than last time.
    func run(_ inputs: [Tensor], _ model: BuiltModel) throws -> [Tensor] {
      let known = bound.withLock { $0 }
      if let known, known.revision === model.revision { return try plan.run(inputs, with: known.constants) }
      let constants = try plan.bind(model.variables.tensors(at: paths))
      bound.withLock { $0 = (model.revision, constants) }
      return try plan.run(inputs, with: constants)
    }
  }

  /// A model of one layer, which is often made of others.
  ///
  /// Whether dtypes behave as in TensorFlow 1 is read here, in the current ``PolicyEnvironment``: layers of a model
  /// that was made while they do cast no inputs, then or later.
  ///
  /// - Parameter policyMap: policies by path, for layers that were given none of their own. Each is found before the
  ///   layer is called for the first time.
  public convenience init(
    _ layer: any Layer, policyMap: DTypePolicyMap? = nil, seed: UInt64 = 0, runtime: Runtime = .shared
  ) {
    self.init(layer, policyMap: policyMap, seed: seed, runtime: runtime, built: nil)
  }

  /// A model as it was saved.
  package convenience init(
    _ layer: any Layer, seed: UInt64, runtime: Runtime, variables: Variables, layers: [LayerRecord]
  ) {
    self.init(
      layer, policyMap: nil, seed: seed, runtime: runtime, built: BuiltModel(variables: variables, layers: layers))
  }

  private init(
    _ layer: any Layer, policyMap: DTypePolicyMap?, seed: UInt64, runtime: Runtime, built: BuiltModel?
  ) {
    self.layer = layer
    self.policyMap = policyMap
    self.seed = seed
    self.runtime = runtime
    state = Locked(built)
    rules = CastingRules()
  }

  /// A model of layers one after the other.
  public convenience init(
    policyMap: DTypePolicyMap? = nil, seed: UInt64 = 0, runtime: Runtime = .shared,
    @LayerBuilder _ layers: () throws -> [any Layer]
  ) rethrows {
    self.init(Sequential(try layers()), policyMap: policyMap, seed: seed, runtime: runtime)
  }

  public var isBuilt: Bool { built != nil }

  /// The dynamic loss scale and its count of good steps as the last training left them, from which the next one goes
  /// on; saved with the model. Nil where no training scaled its loss.
  public var lossScale: LossScale? {
    get { scale.withLock { $0 } }
    set { scale.withLock { $0 = newValue } }
  }

  /// What training leaves as it is.
  package var freezing: Freezing {
    get { frozen.withLock { $0 } }
    set { frozen.withLock { $0 = newValue } }
  }

  var built: BuiltModel? { state.withLock { $0 } }

  /// The states of stateful layers.
  package var statePaths: Set<String> { built?.states ?? [] }

  private func requireBuilt() throws(LayerError) -> BuiltModel {
    guard let built else { throw .notBuilt(model: "the model") }
    return built
  }

  /// The weights.
  ///
  /// - Throws: `LayerError.notBuilt` before the input's shape was ever known.
  public var variables: Variables {
    get throws { try requireBuilt().variables }
  }

  /// Its layers and the policies that they follow, in the order in which they are called.
  ///
  /// - Throws: `LayerError.notBuilt` before the input's dtype was ever known, since it may decide policies.
  public var layers: [LayerRecord] {
    get throws { try requireBuilt().layers }
  }

  /// The policy that each layer follows, by its path: the ``LayerRecord/policy`` of ``layers``.
  public var policies: [String: DTypePolicy] {
    get throws { Dictionary(uniqueKeysWithValues: try layers.map { ($0.path, $0.policy) }) }
  }

  /// Replaces the weights; paths and types must be those of the model.
  public func setVariables(_ new: Variables) throws {
    if let old = built?.variables {
      guard new.paths == old.paths else { throw LayerError.unknownVariables(expected: old.paths, found: new.paths) }
      for path in old.paths {
        guard let built = old[path]?.type, let given = new[path]?.type, built == given else {
          throw LayerError.variableType(
            path: path, built: old[path]?.type ?? TensorType(.float32, []),
            asked: new[path]?.type ?? TensorType(.float32, []))
        }
      }
    }
    state.withLock {
      $0 = BuiltModel(variables: new, layers: $0?.layers ?? [], inputs: $0?.inputs, states: $0?.states ?? [])
    }
  }

  /// Puts what a change of policies made in the place of what was there, unless the weights are others by now.
  func replace(_ old: BuiltModel, by new: BuiltModel) throws(RepolicyError) {
    try state.withLock { state throws(RepolicyError) in
      guard state?.variables == old.variables else { throw .changedSince }
      state = new
    }
    plans.withLock { $0.removeAll() }
  }

  /// Makes the variables for inputs of these types and settles the policies of all layers, unless that is done already.
  ///
  /// - Parameters:
  ///   - inputs: with the batch in front; which batch does not matter.
  ///   - drawsWeights: `false` leaves all variables 0, for a model whose weights are about to be loaded: to draw tens of millions
  ///     of numbers takes longer than to load them.
  public func build(inputs: Arguments<TensorType>, drawsWeights: Bool = true) throws {
    _ = try firstCall(inputs, drawsWeights: drawsWeights)
  }

  /// Builds for one tensor of this type.
  public func build(input: TensorType) throws { try build(inputs: Arguments(.tensor(input))) }

  /// Builds for float32 inputs of this shape.
  public func build(input shape: [Int]) throws { try build(input: TensorType(.float32, shape)) }

  /// The output for a batch `[batch, …]`, as in inference.
  ///
  /// - Throws: ``LayerError/outputs(layer:found:)`` for a model that returns anything but one tensor.
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    let outputs = try self(Arguments(.tensor(input)))
    guard let output = outputs.tensor else {
      throw LayerError.outputs(layer: layer.name ?? "", found: "\(outputs.leaves.count) in a structure")
    }
    return output
  }

  /// The outputs of a model of several inputs or outputs, as in inference.
  public func callAsFunction(_ inputs: Arguments<Tensor>) throws -> Tree<Tensor> {
    let types = inputs.map(\.type)
    let inference = try inference(types, first: try firstCall(types))
    let outputs = try inference.run(inputs.leaves.compactMap { $0 }, requireBuilt())
    if !inference.states.isEmpty {
      state.withLock { built in
        for (path, value) in zip(inference.states, outputs.suffix(inference.states.count)) {
          built?.variables.set(path, value, isTrainable: false)
        }
      }
    }
    return inference.outputs.map { outputs[$0] }
  }

  /// Who computes what, and why, when a batch of this type is put through the model. Makes no variables.
  public func explain(input: TensorType) throws -> Explanation { Explanation(try plan(input: input), on: runtime) }

  /// For float32 inputs of this shape.
  public func explain(input shape: [Int]) throws -> Explanation { try explain(input: TensorType(.float32, shape)) }

  /// The plan that a batch of this type runs on.
  package func plan(input: TensorType) throws -> Plan {
    try inference(Arguments(.tensor(input)), first: nil).plan
  }

  /// Plans that a model keeps by itself. Each holds memory, and streams of ever new types must not pile it up.
  private static let planLimit = 16

  /// Keeps plans for at least so many types of inputs, and room for others.
  package func keepPlans(forShapes count: Int) {
    let (limit, overflows) = count.addingReportingOverflow(Self.planLimit)
    plans.withLock { $0.limit = max($0.limit, overflows ? .max : limit) }
  }

  /// The plan of inference with inputs of these types, if there is one already.
  func plan(known inputs: Arguments<TensorType>) -> Plan? { plans.withLock { $0[inputs]?.plan } }

  /// Begins all sequences anew: what stateful layers kept from the last call becomes 0.
  ///
  /// - Throws: `LayerError.notBuilt` before the model was called.
  public func resetStates() throws {
    _ = try requireBuilt()
    try state.withLock { built in
      for path in built?.states ?? [] {
        guard let type = built?.variables[path]?.type else { continue }
        built?.variables.set(path, try Tensor(zeros: type), isTrainable: false)
      }
    }
  }

  /// Builds the model, unless it is built.
  ///
  /// - Returns: the call that built it.
  private func firstCall(_ types: Arguments<TensorType>, drawsWeights: Bool = true) throws -> TracedCall? {
    if isBuilt { return nil }
    let call = try TracedCall(self, inputs: types, isTraining: false) { _ in .constant }
    var variables = Variables()
    let scales = Set(call.variables.filter { $0.quantizedFrom != nil }.map { QuantizedKernel.scalePath($0.path) })
    for spec in call.variables {
      let isDrawn = drawsWeights || scales.contains(spec.path)
      let tensor =
        try isDrawn ? spec.initializer.tensor(spec.initialized, seed: seed, path: spec.path) : Tensor(zeros: spec.type)
      variables.set(spec.path, tensor, isTrainable: spec.isTrainable || spec.isFrozen)
    }
    try variables.quantize(call.variables, runtime)
    // Two tasks may have built at once; the first stays, since somebody may hold it already.
    return state.withLock {
      guard $0 == nil else { return nil }
      $0 = BuiltModel(
        variables: variables, layers: call.layers, inputs: types, states: Set(call.states.map(\.variable.path)))
      return call
    }
  }

  private func inference(_ types: Arguments<TensorType>, first: TracedCall?) throws -> Inference {
    if first == nil, let known = plans.withLock({ $0[types] }) { return known }
    let call = try first ?? TracedCall(self, inputs: types, isTraining: false) { _ in .constant }
    var count = 0
    let outputs = call.outputs.map { _ in
      count += 1
      return count - 1
    }
    let states = call.states
    let made = Inference(
      plan: try runtime.makePlan(call.graph(with: states.map(\.value))), paths: call.variables.map(\.path),
      states: states.map(\.variable.path), outputs: outputs)
    state.withLock {
      $0?.add(call.layers)
      $0?.states.formUnion(made.states)
      if $0?.inputs == nil { $0?.inputs = types }
    }
    // Where this call settled a policy, the next one may cast what it did not.
    guard !call.infersPolicies else { return made }
    plans.withLock { $0[types] = made }
    return made
  }
}
