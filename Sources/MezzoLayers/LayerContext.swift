import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// What a layer's `call` works in: it makes variables, calls sublayers, and knows whether this is training.
///
/// While `call` runs, the global policy is that of the layer: a layer that is made there without a policy of its own
/// takes it, whatever the program's global policy is by then.
public final class LayerContext {
  public let trace: Trace
  public let isTraining: Bool

  /// The layer that is being called.
  private struct Frame {
    var path = ""
    var assigned = DTypePolicy.float32
    var policy = DTypePolicy.float32
    var readDType: DType?
    var sublayers = SublayerPolicy.own
    var noticesMasks = false
    var holdsOneThatDoes = false
  }

  private var frame = Frame()
  let rules: CastingRules
  private let policyMap: DTypePolicyMap?
  let built: BuiltModel?
  let freezing: Freezing
  let role: (VariableSpec) -> Graph.Role
  /// That of the program when the call began, since inside of it that of a layer takes its place.
  private let programPolicy = globalPolicy()

  /// Layers that were called, in the order of their first calls.
  private(set) var layers: [LayerRecord] = []
  private var places: [String: Int] = [:]
  /// What policies cast in each layer, by its path.
  private(set) var casts: [String: [LayerCast]] = [:]
  /// The constants of each layer that computes, by its path.
  private(set) var constants: [String: [LayerConstant]] = [:]
  /// What each layer gave at each of its calls, by its path.
  private(set) var outputs: [String: [Tree<TensorType>]] = [:]
  /// Which places of a tensor count.
  private var masks: [Graph.ValueID: SymbolicTensor] = [:]
  /// Whether an input decided the policy of a layer.
  private(set) var infersPolicies = false

  var variables = TracedVariables()
  /// What was brought to int8, so that products of one input share it.
  var quantizedRows: [QuantizedRows.Key: QuantizedRows] = [:]
  /// The rows of each layer that brings them to int8, by its path.
  var quantizedInputs: [String: SymbolicTensor] = [:]
  /// The layers whose sequences come out from the back, by path, and the steps of each call.
  var fromTheBack: [String: [Int]] = [:]
  /// Layers that took no notice of the mask of an input.
  private(set) var endedMasks: [(path: String, mask: SymbolicTensor)] = []
  /// What layers add to the loss.
  private(set) var losses: [SymbolicTensor] = []
  private var key: SymbolicTensor?
  private var streams = 0

  /// - Parameter built: variables that exist, of which asking for another type is an error, and policies that are decided.
  init(
    _ trace: Trace, isTraining: Bool, rules: CastingRules, policyMap: DTypePolicyMap?,
    freezing: Freezing, built: BuiltModel?, role: @escaping (VariableSpec) -> Graph.Role
  ) {
    self.trace = trace
    self.isTraining = isTraining
    self.rules = rules
    self.policyMap = policyMap
    self.freezing = freezing
    self.built = built
    self.role = role
  }

  /// The path of the layer that is being called: `encoder.dense_1`.
  public var path: String { frame.path }

  /// The policy of the layer that is being called. `DTypePolicy.infer` is resolved in it, but in ``Layer/build(_:)``.
  public var policy: DTypePolicy { frame.policy }

  /// What variables that follow the call are read in: the compute dtype of the layer that is being called; nil outside
  /// of every call, in ``Layer/build(_:)`` and where that dtype is not floating, and then they are read as they are
  /// stored.
  public var readDType: DType? { frame.readDType }

  /// Whose forms of what systems disagree about, such as the hard sigmoid; that of the environment that the model was
  /// made in.
  public var dialect: PolicyDialect { rules.dialect }

  /// Whether training leaves the layer that is being called as it is.
  public var isFrozen: Bool { freezing.isFrozen(path) }

  /// Which places of `tensor` count, `bool[batch, steps]`: what a ``Masking``, or an ``Embedding`` for which 0 is padding,
  /// said, and layers between handed on.
  public func mask(of tensor: SymbolicTensor) -> SymbolicTensor? {
    frame.noticesMasks = true
    return masks[tensor.id]
  }

  /// Says which places of `tensor` count to the layers behind this one.
  ///
  /// - Parameter mask: `bool[batch, steps]`; nil: all of them.
  public func setMask(_ mask: SymbolicTensor?, of tensor: SymbolicTensor) { masks[tensor.id] = mask }

  /// Uniform float32 numbers in [0, 1), different at every step of training and the same for the same seed.
  public func randomUniform(_ shape: [Int]) throws -> SymbolicTensor {
    let key = self.key ?? trace.input(Self.keyType, name: Self.keyName)
    self.key = key
    streams += 1
    return try key.randomUniform(shape, stream: streams)
  }

  /// Adds `value` to the loss that training makes small and that it and evaluation report, as Keras's `add_loss` does.
  ///
  /// - Parameter value: a floating-point scalar, in at least float32 if it is to keep its digits.
  /// - Throws: ``LayerError/loss(layer:found:)`` for anything else.
  public func addLoss(_ value: SymbolicTensor) throws(LayerError) {
    guard value.shape.isEmpty, value.dtype.isFloatingPoint else {
      throw .loss(layer: path, found: value.type)
    }
    losses.append(value)
  }

  /// Adds the penalty for `activity` `[batch, …]` to the loss, as a mean over the batch.
  public func regularize(_ activity: SymbolicTensor, _ regularizer: Regularizer?) throws {
    guard let regularizer = try regularizer?.usable(path: joined("activity"), rank: activity.rank)
    else { return }
    try addLoss(try regularizer.penalty(activity) / Double(max(activity.shape.first ?? 1, 1)))
  }

  static let keyName = "random key"
  static let keyType = TensorType(.int64, [2])
}

/// A layer whose output has the steps of its first input, so that the input's mask is the output's.
public protocol MaskPassing: Layer {}

/// A layer made of others, whose own policy casts nothing.
public protocol LayerContainer: Layer {}

// MARK: - Calls

extension LayerContext {
  /// Calls a sublayer of one input and one output.
  ///
  /// - Throws: ``LayerError/outputs(layer:found:)`` if it returns anything but one tensor; else what the form for several
  ///   inputs throws.
  public func call(_ layer: any Layer, _ input: SymbolicTensor, name: String) throws -> SymbolicTensor {
    try call(layer, LayerInputs(.tensor(input)), name: name).only(of: joined(name))
  }

  /// Calls a sublayer: its name joins the path, and what is floating in any of its arguments is cast to its compute
  /// dtype.
  ///
  /// Unlike in TensorFlow 2.4, which casts the first argument alone, all arguments are cast; as there, integers,
  /// booleans, complex numbers and strings are not, nor is anything for a policy that computes in none of the floating
  /// dtypes.
  ///
  /// - Parameter name: different from that of every other sublayer here, and not empty. The same layer may be called
  ///   several times and then has the same variables.
  /// - Throws: ``LayerError/sameName(container:name:)`` or ``LayerError/invalidConfiguration(layer:expected:found:)`` for such
  ///   a name, and what the layer throws.
  public func call(_ layer: any Layer, _ inputs: LayerInputs, name: String) throws -> TensorTree {
    guard !name.isEmpty else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(path)", expected: "a name for each of its layers", found: "an empty one")
    }
    return try call(layer, inputs, at: joined(name))
  }

  func call(_ layer: any Layer, _ inputs: LayerInputs, at path: String) throws -> TensorTree {
    let outer = frame
    defer {
      let notices = frame.noticesMasks || frame.holdsOneThatDoes
      frame = outer
      frame.holdsOneThatDoes = outer.holdsOneThatDoes || notices
    }
    let record = try record(layer, at: path)
    let isContainer = layer is any LayerContainer
    frame = Frame(
      path: path, assigned: record.assigned, policy: record.policy,
      sublayers: isContainer && layer.sublayerPolicy == .own ? outer.sublayers : layer.sublayerPolicy)
    let result = try withPolicy(frame.assigned) {
      try trace.tagged(Graph.Origin(layer: path, phase: .forward)) {
        try layer.build(self)
        let isDecided = decideByInput(inputs)
        let compute = policy.computeDType.flatMap { $0.isFloatingPoint ? $0 : nil }
        frame.readDType = compute
        // A container computes nothing itself: what it holds casts for itself.
        if isContainer { return try trace.withPrecision(.ofOperands) { try layer.call(inputs, self) } }
        let casts = rules.castsInputs && layer.autocast && (isDecided || rules.castsWhereInferred)
        let inputs = casts ? try inputs.map { try castInput($1, $0, to: compute) } : inputs
        try checkConstants(of: layer)
        // A layer that does nothing but cast is a declaration.
        let outputs = try trace.withStrictness(rules.isStrict && !(layer is Cast)) {
          try trace.withPrecision(try precision()) { try layer.call(inputs, self) }
        }
        if layer is any MaskPassing { passMask(of: inputs, to: outputs) }
        takeNoteOfMasks(of: inputs)
        // The compute dtype is no promise about outputs: a layer inside may have the last word.
        let output = policy.outputDType == policy.computeDType ? nil : policy.outputDType
        return try outputs.map { try cast(.output, "output", $0, to: output) }
      }
    }
    outputs[path, default: []].append(result.map(\.type))
    return result
  }

  private func takeNoteOfMasks(of inputs: LayerInputs) {
    let carried = inputs.leaves.compactMap { input in input.flatMap { masks[$0.id] } }
    if frame.noticesMasks {
      // What a layer does with its masks is its affair, also in those that it is made of.
      let inside = joined("")
      endedMasks.removeAll { ended in
        ended.path.hasPrefix(inside) && carried.contains { $0.id == ended.mask.id }
      }
    } else if let mask = carried.first, !frame.holdsOneThatDoes {
      endedMasks.append((path, mask))
    }
  }

  /// Gives the mask of the first input to outputs that have its steps and no mask.
  private func passMask(of inputs: LayerInputs, to outputs: TensorTree) {
    guard let first = inputs.positional.first?.leaves.first ?? nil, let mask = masks[first.id] else { return }
    for case let output? in outputs.leaves where output.shape.starts(with: mask.shape) {
      frame.noticesMasks = true
      if masks[output.id] == nil { setMask(mask, of: output) }
    }
  }

  private func castInput(_ input: SymbolicTensor, _ name: String, to dtype: DType?) throws -> SymbolicTensor {
    if rules.isStrict, let dtype, input.dtype.isFloatingPoint, input.dtype != dtype {
      throw LayerError.undeclaredCast(layer: path, input: name, from: input.dtype, to: dtype)
    }
    return try cast(.input, name, input, to: dtype)
  }

  /// Casts what is floating, if there is a dtype to cast it to, and takes note of it.
  func cast(
    _ kind: LayerCast.Kind, _ name: String, _ value: SymbolicTensor, to dtype: DType?
  ) throws(GraphError) -> SymbolicTensor {
    guard let dtype, value.dtype.isFloatingPoint, value.dtype != dtype else { return value }
    note(LayerCast(kind: kind, name: name, from: value.dtype, to: dtype))
    let result = try value.cast(to: dtype)
    setMask(masks[value.id], of: result)
    return result
  }

  /// Takes note of a cast in the layer that is being called.
  func note(_ cast: LayerCast) {
    if !casts[path, default: []].contains(cast) { casts[path, default: []].append(cast) }
  }

  private func checkConstants(of layer: any Layer) throws(LayerError) {
    constants[path] = layer.constants(under: policy)
    guard rules.isStrict else { return }
    for constant in constants[path] ?? [] {
      if let fate = constant.fate { throw .constant(layer: path, constant, fate) }
    }
  }

  /// Has the first leaf of the first argument decide a policy that is still open.
  ///
  /// - Returns: whether it was decided before.
  private func decideByInput(_ inputs: LayerInputs) -> Bool {
    // A first leaf that is nothing has no dtype, and leaves the policy open.
    guard policy.computeDType == nil, let first = inputs.positional.first?.leaves.first ?? nil else { return true }
    infersPolicies = true
    decide(by: first.dtype)
    return false
  }

  /// Resolves a policy that is still open.
  func decide(by dtype: DType) {
    guard policy.computeDType == nil else { return }
    frame.policy = policy.resolved(for: dtype)
    if let place = places[path] { layers[place].policy = policy }
  }

  private func precision() throws(GraphError) -> OperationPrecision {
    do throws(GraphError) {
      return try OperationPrecision(policy: policy)
    } catch {
      throw GraphError(error.kind, layer: path)
    }
  }

  /// What is known of the layer at `path`, from this call, from the model, or from now on.
  private func record(_ layer: any Layer, at path: String) throws -> LayerRecord {
    if let place = places[path] {
      guard layers[place].fits(layer) else {
        throw LayerError.sameName(container: frame.path, name: path.split(separator: ".").last.map(String.init) ?? path)
      }
      return layers[place]
    }
    var record = LayerRecord(path: path, layer: layer, assigned: try assigned(layer, at: path))
    if let known = built?.layer(at: path), known.fits(layer) { record = known }
    places[path] = layers.count
    layers.append(record)
    return record
  }

  /// The policy that a sublayer is to follow here.
  private func assigned(_ layer: any Layer, at path: String) throws(PolicyError) -> DTypePolicy {
    guard layer.policy.origin != .own else { return layer.policy }
    if let policyMap { return try policyMap.policy(forPath: path) }
    return switch frame.sublayers {
    case .own: layer.policy
    case .parent: frame.assigned
    case .global: programPolicy
    }
  }

  func joined(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
}

extension TensorTree {
  /// The tensor that this is expected to be.
  func only(of path: String) throws(LayerError) -> SymbolicTensor {
    guard let tensor else { throw .outputs(layer: path, found: "\(leaves.count) in a structure") }
    return tensor
  }
}
