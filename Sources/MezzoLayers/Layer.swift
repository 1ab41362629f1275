public import MezzoGraph
public import MezzoPolicy

/// A description of a computation with variables: sizes, activation, initializers and a policy, and nothing that
/// changes.
///
/// A layer of one's own says in `call` what it does; its variables come into being where it asks for them:
///
/// ```swift
/// struct Scale: Layer {
///   var policy = globalPolicy()
///   func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
///     try input * context.variable("scale", shape: [input.shape[input.rank - 1]], initializer: .ones)
///   }
/// }
/// let output = try Model(Scale())(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public protocol Layer: Codable, Sendable {
  /// What configurations call this kind of layer: Keras's class name.
  static var className: String { get }

  /// The last part of the layer's path; `nil` has its container choose one.
  var name: String? { get }

  /// Which dtypes it computes in and stores; taken once, when the layer is made.
  var policy: DTypePolicy { get }

  /// Whether floating-point inputs are cast to the compute dtype of `policy`, which is the default. A layer that opts
  /// out gets them as they are; its variables follow the policy all the same.
  var autocast: Bool { get }

  /// What sublayers follow that were given no policy of their own; by default each follows what it took when it was
  /// made.
  var sublayerPolicy: SublayerPolicy { get }

  /// Makes variables that exist whatever the input is. Called before `call`, and outside of its casts; by default there
  /// are none. With the policy `DTypePolicy.infer` they decide the policy, and the input no longer does.
  func build(_ context: LayerContext) throws

  /// Numbers of its configuration that it computes with, with the dtypes that it does so in under `policy`; by default
  /// none. One that such a dtype cannot hold is an error in strict mode; see also ``warnOfLostConstants()``.
  func constants(under policy: DTypePolicy) -> [LayerConstant]

  /// One tensor in, one out. A floating-point input comes in the compute dtype of `policy`, unless `autocast` is false.
  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor

  /// For layers of several inputs or outputs, which write this form and not the other. Every floating-point tensor in
  /// `inputs` comes in the compute dtype of `policy`, unless `autocast` is false.
  func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree
}

extension Layer {
  public static var className: String { "\(Self.self)" }
  public var name: String? { nil }
  public var autocast: Bool { true }
  public var sublayerPolicy: SublayerPolicy { .own }
  public func build(_ context: LayerContext) throws {}
  public func constants(under policy: DTypePolicy) -> [LayerConstant] { [] }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    throw LayerError.inputs(
      layer: context.path, expected: "to be called through its context, with its inputs in a structure",
      found: "a tensor")
  }

  public func call(_ inputs: LayerInputs, _ context: LayerContext) throws -> TensorTree {
    guard let input = inputs.tensor else {
      let count = inputs.leaves.count
      throw LayerError.inputs(
        layer: context.path, expected: "one tensor",
        found: count == 1 ? "a structure of one" : "\(count) in a structure")
    }
    return .tensor(try call(input, context))
  }

  /// `Dense` becomes `dense`, `Conv2D` `conv2d`.
  package static var defaultName: String { className.snakeCase }
}
