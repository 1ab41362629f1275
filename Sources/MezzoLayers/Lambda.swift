public import MezzoGraph
public import MezzoPolicy

/// A function without variables as a layer, known by a name, which is what configurations keep of it: `[…] -> […]`,
/// whatever the function makes of the shape. Floating-point input comes in the compute dtype, and what the function gives
/// is the output.
///
/// ```swift
/// Lambda.register("square") { try $0 * $0 }
/// let squared = Lambda("square")
/// let output = try Model(squared)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
/// A program that reads a model with such a layer has to register the function too. A function with variables or settings
/// is a ``Layer`` of one's own.
public struct Lambda: MaskPassing, Hashable {
  public typealias Function = @Sendable (SymbolicTensor) throws -> SymbolicTensor

  private static let functions = Locked<[String: Function]>([:])

  /// The name that the function was registered under.
  public var function: String
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(_ function: String, name: String? = nil, policy: DTypePolicy? = nil) {
    self.function = function
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  /// Makes a function known, or replaces one of the same name.
  public static func register(_ name: String, _ function: @escaping Function) {
    functions.withLock { $0[name] = function }
  }

  /// - Throws: ``LayerError/unknownFunction(name:known:)``, and what the function throws.
  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let known = Self.functions.withLock { $0 }
    guard let body = known[function] else {
      throw LayerError.unknownFunction(name: function, known: known.keys.sorted())
    }
    return try body(input)
  }
}

/// What it is given: `[…] -> […]`. Floating-point input comes out in the compute dtype.
///
/// ```swift
/// let nothing = Identity()
/// let output = try Model(nothing)(Tensor(zeros: TensorType(.float32, [2, 8])))  // float32[2, 8]
/// ```
public struct Identity: MaskPassing, Hashable {
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(name: String? = nil, policy: DTypePolicy? = nil) {
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor { input }
}
