import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// What a layer's `call` works in: it makes variables, calls sublayers, and knows whether this is training.
public final class LayerContext {
  public let trace: Trace
  public let isTraining: Bool
  /// The policy of the layer that is being called, with `_infer` resolved.
  public private(set) var policy = DTypePolicy.float32
  /// The path of the layer that is being called: `encoder.dense_1`.
  public private(set) var path = ""
  /// What variables that follow the call are read in: the compute dtype of the layer that is being called; nil outside of
  /// every call, in ``Layer/build(_:)`` and where that dtype is not floating, and then they are read as they are stored.
  public private(set) var readDType: DType?

  private(set) var variables: [VariableSpec] = []
  private var parameters: [String: LayerVariable] = [:]
  /// Values that were assigned in this call, by path.
  private var assigned: [String: SymbolicTensor] = [:]
  /// The dtypes in which layers with operations of their own really compute.
  public private(set) var computeDTypes: Set<DType> = []
  private let role: (VariableSpec) -> Graph.Role
  private let built: Variables?
  private var key: SymbolicTensor?
  private var streams = 0

  /// - Parameter built: variables that exist; asking for another type of one of them is an error.
  init(_ trace: Trace, isTraining: Bool, built: Variables?, role: @escaping (VariableSpec) -> Graph.Role) {
    self.trace = trace
    self.isTraining = isTraining
    self.built = built
    self.role = role
  }

  /// Calls a sublayer: its name joins the path, and floating-point input is cast to its compute dtype.
  public func call(_ layer: any Layer, _ input: SymbolicTensor, name: String) throws -> SymbolicTensor {
    let outer = (path, policy, readDType)
    defer { (path, policy, readDType) = outer }
    path = path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)"
    policy = layer.policy
    readDType = nil
    return try trace.tagged(Graph.Origin(layer: path, phase: .forward)) {
      try layer.build(self)
      policy = policy.resolved(for: input.dtype)
      let compute = policy.computeDType.flatMap { $0.isFloatingPoint ? $0 : nil }
      readDType = compute
      // A container computes nothing itself: what it holds casts for itself.
      guard !(layer is any LayerContainer), layer.autocast, input.dtype.isFloatingPoint, let compute else {
        return try layer.call(input, self)
      }
      return try layer.call(input.cast(to: compute), self)
    }
  }

  /// Uniform float32 numbers in [0, 1), different at every step of training and the same for the same seed.
  public func randomUniform(_ shape: [Int]) throws -> SymbolicTensor {
    let key = self.key ?? trace.input(Self.keyType, name: Self.keyName)
    self.key = key
    streams += 1
    return try key.randomUniform(shape, stream: streams)
  }

  static let keyName = "random key"
  static let keyType = TensorType(.int64, [2])
}

// MARK: - Variables

extension LayerContext {
  /// A variable of this layer, read here: ``parameter(_:shape:initializer:dtype:isTrainable:autocast:regularizer:)`` and
  /// ``LayerVariable/value(in:)`` in one.
  public func variable(
    _ name: String, shape: [Int], initializer: Initializer? = nil, dtype: DType? = nil, isTrainable: Bool = true,
    autocast: Bool = true, regularizer: Regularizer? = nil
  ) throws -> SymbolicTensor {
    try parameter(
      name, shape: shape, initializer: initializer, dtype: dtype, isTrainable: isTrainable, autocast: autocast,
      regularizer: regularizer
    ).value(in: self)
  }

  /// A variable of this layer, made at the first call and found by its name at every other. The rules are those of
  /// TensorFlow 2.4's `add_weight`.
  ///
  /// - Parameters:
  ///   - shape: the stored shape, such as `[inputs, units]`.
  ///   - initializer: by default `glorotUniform` for floating variables and `zeros` for integers and booleans.
  ///   - dtype: what it is stored in; by default the policy's variable dtype. While the policy is still
  ///     `DTypePolicy.infer` it is `floatx()`, and decides the policy.
  ///   - isTrainable: whether training changes it by its gradient. Variables that are not floating have none.
  ///   - autocast: whether a layer whose compute and variable dtypes differ reads it in its compute dtype.
  ///   - regularizer: what it adds to the loss.
  /// - Throws: `LayerError`, naming the variable.
  public func parameter(
    _ name: String, shape: [Int], initializer: Initializer? = nil, dtype: DType? = nil, isTrainable: Bool = true,
    autocast: Bool = true, regularizer: Regularizer? = nil
  ) throws -> LayerVariable {
    let dtype = dtype ?? policy.variableDType ?? floatx()
    policy = policy.resolved(for: dtype)
    let path = path.isEmpty ? name : "\(path).\(name)"
    let isFloating = dtype.isFloatingPoint
    if isFloating {
      try requireKernels()
      if let compute = policy.computeDType { computeDTypes.insert(compute) }
    }
    let spec = VariableSpec(
      path: path, type: TensorType(dtype, shape),
      initializer: try Initializer.usable(initializer, path: path, dtype: dtype),
      isTrainable: isTrainable && isFloating, regularizer: try regularizer?.usable(path: path))
    if let known = parameters[path] {
      try require(known.stored.type, for: spec)
      return known
    }
    if let type = built?[path]?.type { try require(type, for: spec) }
    variables.append(spec)
    let parameter = LayerVariable(
      path: path, stored: trace.input(spec.type, name: path, role: role(spec)),
      isAutocast: autocast && isFloating && policy.computeDType != policy.variableDType)
    parameters[path] = parameter
    return parameter
  }

  /// Replaces what is stored, in full precision: `value` is rounded once, to the stored dtype. Reads that follow in this
  /// call see it. The model's variable changes when a training step whose gradients are finite runs; every other call
  /// leaves it as it was.
  ///
  /// In TensorFlow a step that is skipped for its gradients assigns all the same, which lets the infinities of one step into
  /// moving statistics for good.
  ///
  /// - Parameter value: of the variable's shape.
  /// - Throws: ``LayerError/assignment(path:expected:found:)`` for another shape, and for a trainable variable, which only
  ///   the optimizer changes.
  public func assign(_ variable: LayerVariable, _ value: SymbolicTensor) throws {
    guard variables.contains(where: { $0.path == variable.path && !$0.isTrainable }) else {
      throw LayerError.assignment(
        path: variable.path, expected: "a variable with isTrainable: false", found: "a trainable one")
    }
    guard value.shape == variable.stored.shape else {
      throw LayerError.assignment(
        path: variable.path, expected: "a value of the shape \(variable.stored.shape)", found: "\(value.type)")
    }
    assigned[variable.path] = try value.cast(to: variable.dtype)
  }

  /// What is stored, or what this call assigned.
  func current(_ variable: LayerVariable) -> SymbolicTensor { assigned[variable.path] ?? variable.stored }

  /// The variable of that path as it is stored.
  func stored(_ path: String) -> SymbolicTensor? { parameters[path]?.stored }

  /// Variables and what replaces them, in the order in which the variables were made.
  var assignments: [(variable: LayerVariable, value: SymbolicTensor)] {
    variables.compactMap { spec in
      guard let variable = parameters[spec.path], let value = assigned[spec.path] else { return nil }
      return (variable, value)
    }
  }

  private func require(_ type: TensorType, for spec: VariableSpec) throws(LayerError) {
    guard type == spec.type else { throw .variableType(path: spec.path, built: type, asked: spec.type) }
  }

  private func requireKernels() throws(LayerError) {
    guard policy.quantization == nil else { throw .quantizedPolicy(layer: path, policy: policy.name) }
  }
}

/// A layer made of others, whose own policy casts nothing.
public protocol LayerContainer: Layer {}
