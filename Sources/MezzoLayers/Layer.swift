public import MezzoGraph
public import MezzoPolicy

/// A description of a computation with variables: sizes, activation, initializers and a policy, and nothing that changes.
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
/// ```
public protocol Layer: Codable, Sendable {
  /// What configurations call this kind of layer: Keras's class name.
  static var className: String { get }

  /// The last part of the layer's path; `nil` has its container choose one.
  var name: String? { get }

  /// Which dtypes it computes in and stores; taken once, when the layer is made.
  var policy: DTypePolicy { get }

  /// Floating-point inputs come in the compute dtype of `policy`.
  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor
}

extension Layer {
  public static var className: String { "\(Self.self)" }
  public var name: String? { nil }

  /// `Dense` becomes `dense`, `LayerNormalization` `layer_normalization`.
  static var defaultName: String {
    var name = ""
    for character in className {
      if character.isUppercase, !name.isEmpty { name += "_" }
      name += character.lowercased()
    }
    return name
  }
}
