public import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// A model's layer traced over inputs of given types; what follows it (a loss, gradients) can be traced behind it.
public struct TracedCall {
  public let trace: Trace
  public let inputs: LayerInputs
  public let outputs: TensorTree
  /// The dtypes that gradients by the trainable variables pass through: what layers really compute in, whatever
  /// policies are called.
  public let computeDTypes: Set<DType>
  /// Those of them to which policies round the gradients of trainable variables.
  public let gradientDTypes: Set<DType>
  /// Those of them that the values have which depend on trainable variables.
  public let valueDTypes: Set<DType>
  private let context: LayerContext

  /// - Parameter role: whether a variable is constant over many runs, or a state that the run replaces.
  public init(
    _ model: Model, inputs types: Arguments<TensorType>, isTraining: Bool,
    role: @escaping (VariableSpec) -> Graph.Role
  ) throws {
    try self.init(model, inputs: types, isTraining: isTraining, built: model.built, role: role)
  }

  /// - Parameter built: what is taken as known of the model.
  init(
    _ model: Model, inputs types: Arguments<TensorType>, isTraining: Bool, built: BuiltModel?,
    role: @escaping (VariableSpec) -> Graph.Role
  ) throws {
    trace = Trace()
    inputs = try types.map { [trace] name, type in
      guard type.isTraceable else { throw GraphError(.unusableType(type), layer: name) }
      return trace.input(type, name: name)
    }
    context = LayerContext(
      trace, isTraining: isTraining, rules: model.rules, policyMap: model.policyMap, freezing: model.freezing,
      built: built, role: role)
    outputs = try context.call(model.layer, inputs, at: model.layer.name ?? "")
    let trainable = context.variables.specs.filter(\.isTrainable)
    valueDTypes = trace.dtypes(dependingOn: trainable.compactMap { [context] in context.variables.stored($0.path) })
    gradientDTypes = Set(trainable.compactMap(\.gradientDType))
    computeDTypes = valueDTypes.union(gradientDTypes)
    try context.checkLayerRules()
  }

  /// The call with one tensor.
  public init(
    _ model: Model, input type: TensorType, isTraining: Bool, role: @escaping (VariableSpec) -> Graph.Role
  ) throws {
    try self.init(model, inputs: Arguments(.tensor(type)), isTraining: isTraining, role: role)
  }

  /// The output of a model that returns one tensor.
  ///
  /// - Throws: ``LayerError/outputs(layer:found:)`` for every other.
  public var output: SymbolicTensor {
    get throws { try outputs.only(of: layers.first?.path ?? "") }
  }

  /// In the order of the graph's inputs behind those of the model.
  public var variables: [VariableSpec] { context.variables.specs }

  /// The variable of that path as it is stored.
  public func symbol(_ path: String) -> SymbolicTensor? { context.variables.stored(path) }

  /// What the call assigned to variables that are not trained: the variable as it was, and what replaces it.
  public var assignments: [(variable: LayerVariable, value: SymbolicTensor)] { context.variables.assignments }

  /// The layers and the policies that they follow, in the order of their first calls.
  public var layers: [LayerRecord] { context.layers }

  /// Those of ``assignments`` that inference makes too: the states of stateful layers.
  var states: [(variable: LayerVariable, value: SymbolicTensor)] {
    let paths = Set(variables.filter(\.isState).map(\.path))
    return paths.isEmpty ? [] : assignments.filter { paths.contains($0.variable.path) }
  }

  /// The rows of each layer that brings them to int8, by its path.
  var quantizedInputs: [String: SymbolicTensor] { context.quantizedInputs }

  /// What each layer gave at each of its calls, by its path.
  var layerOutputs: [String: [Tree<TensorType>]] { context.outputs }

  /// The layers whose sequences come out from the back, by path, and the steps of each call.
  var fromTheBack: [String: [Int]] { context.fromTheBack }

  /// Layers that took no notice of the mask of an input, for each call.
  var endedMasks: [(path: String, mask: SymbolicTensor)] { context.endedMasks }

  /// Which places of a tensor count, `bool[batch, steps]`, if a layer said so.
  public func mask(of tensor: SymbolicTensor) -> SymbolicTensor? { context.mask(of: tensor) }

  /// What policies cast in each layer, by its path: inputs, variables and what is quantized in the order of the call, then
  /// the operations that work in a dtype of their own, then outputs.
  public var casts: [String: [LayerCast]] {
    var casts = context.casts
    for cast in trace.operationCasts {
      let note = LayerCast(kind: .operation, name: cast.operation, from: cast.from, to: cast.to)
      let place = casts[cast.layer]?.firstIndex { $0.kind == .output } ?? casts[cast.layer]?.count ?? 0
      casts[cast.layer, default: []].insert(note, at: place)
    }
    return casts
  }

  /// The constants of each layer that computes, by its path.
  public var constants: [String: [LayerConstant]] { context.constants }

  /// Whether the input decided the policy of a layer, so that with TensorFlow 2.4's rules the next call differs.
  var infersPolicies: Bool { context.infersPolicies }

  /// The gradients of `loss` by the trainable variables, in their order, each in its variable's dtype and rounded to
  /// what the policy of its layer wants gradients rounded to.
  public func gradients(of loss: SymbolicTensor) throws -> [SymbolicTensor] {
    let trainable = variables.filter(\.isTrainable)
    let gradients = try trace.gradients(of: loss, by: trainable.compactMap { symbol($0.path) })
    return try zip(trainable, gradients).map { spec, gradient in
      guard let dtype = spec.gradientDType else { return gradient }
      return try trace.tagged(Graph.Origin(layer: spec.layer, phase: .backward)) {
        try gradient.cast(to: dtype).cast(to: gradient.dtype)
      }
    }
  }

  /// What training makes small: `loss` and what the layers and the regularizers of the variables add to it, in the
  /// dtype of `loss`.
  ///
  /// Penalties are computed from what is stored, outside of every layer: no policy rounds it.
  public func objective(_ loss: SymbolicTensor) throws -> SymbolicTensor {
    let penalties = try variables.compactMap { spec -> SymbolicTensor? in
      guard !spec.isFrozen else { return nil }
      return try spec.regularizer.flatMap { regularizer in
        try symbol(spec.path).map { value in
          try trace.tagged(Graph.Origin(layer: spec.layer, phase: .forward)) { try regularizer.penalty(value) }
        }
      }
    }
    return try (context.losses + penalties).reduce(loss) { try $0 + $1.cast(to: loss.dtype) }
  }

  /// The graph of the call alone. Its outputs are the tensors of `outputs` from left to right.
  public var graph: Graph { graph(with: []) }

  /// The same with more outputs behind those of the call.
  func graph(with values: [SymbolicTensor]) -> Graph { trace.finish(outputs.leaves.compactMap { $0 } + values) }
}

extension TensorType {
  /// Whether layers can be told of a tensor of this type: products of its extents, also of those beside a 0, fit, since
  /// layers multiply them. Strings and the like, which have no size, may be handed on although nothing computes with
  /// them.
  fileprivate var isTraceable: Bool {
    let extents = TensorType(dtype, shape.map { $0 == 0 ? 1 : $0 })
    return dtype.bitWidth == nil ? extents.checkedCount != nil : extents.checkedByteCount != nil
  }
}
