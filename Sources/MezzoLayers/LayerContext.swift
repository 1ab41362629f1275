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

  private(set) var variables: [VariableSpec] = []
  private(set) var symbols: [String: SymbolicTensor] = [:]
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

  /// A variable of this layer: stored in the policy's variable dtype, read here in its compute dtype.
  ///
  /// - Parameter shape: the stored shape, such as `[inputs, units]`.
  public func variable(
    _ name: String, shape: [Int], initializer: Initializer, isTrainable: Bool = true
  ) throws -> SymbolicTensor {
    guard let dtype = policy.variableDType, let compute = policy.computeDType, dtype.isFloatingPoint else {
      throw LayerError.nonFloatingPolicy(layer: path, policy: policy.name)
    }
    computeDTypes.insert(compute)
    let spec = VariableSpec(
      path: path.isEmpty ? name : "\(path).\(name)", type: TensorType(dtype, shape), initializer: initializer,
      isTrainable: isTrainable)
    if let known = symbols[spec.path] {
      guard known.type == spec.type else {
        throw LayerError.variableType(path: spec.path, built: known.type, asked: spec.type)
      }
      return try known.cast(to: compute)
    }
    if let built, let type = built[spec.path]?.type, type != spec.type {
      throw LayerError.variableType(path: spec.path, built: type, asked: spec.type)
    }
    variables.append(spec)
    let symbol = trace.input(spec.type, name: spec.path, role: role(spec))
    symbols[spec.path] = symbol
    return try symbol.cast(to: compute)
  }

  /// Calls a sublayer: its name joins the path, and floating-point input is cast to its compute dtype.
  public func call(_ layer: any Layer, _ input: SymbolicTensor, name: String) throws -> SymbolicTensor {
    let outer = (path, policy)
    defer { (path, policy) = outer }
    path = path.isEmpty || name.isEmpty ? path + name : "\(path).\(name)"
    policy = layer.policy.resolved(for: input.dtype)
    return try trace.tagged(Graph.Origin(layer: path, phase: .forward)) {
      // A container computes nothing itself: what it holds casts for itself.
      guard !(layer is any LayerContainer), input.dtype.isFloatingPoint, let compute = policy.computeDType,
        compute.isFloatingPoint
      else { return try layer.call(input, self) }
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

/// A layer made of others, whose own policy casts nothing.
public protocol LayerContainer: Layer {}
