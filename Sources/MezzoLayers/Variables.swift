public import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// What a layer asked for when it wanted a variable.
public struct VariableSpec: Sendable, Hashable {
  public var path: String
  public var type: TensorType
  public var initializer: Initializer
  /// Whether training changes it by its gradient.
  public var isTrainable: Bool
  /// Whether training would, had it not been frozen.
  public var isFrozen = false
  /// Whether inference assigns to it too, as to the state of a stateful layer.
  public var isState = false
  public var regularizer: Regularizer?
  public var constraint: Constraint?
  /// What its gradient is rounded to, if the policy of its layer says so.
  public var gradientDType: DType?
  /// Of a kernel in int8: the dtype that it is quantized from. What its elements are divided by is another variable, of its path
  /// and `_scale`.
  public var quantizedFrom: DType?

  /// The path of the layer it belongs to.
  public var layer: String { path.split(separator: ".").dropLast().joined(separator: ".") }
}

/// Tensors by path, in the order in which the layers asked for them: a model's weights, an optimizer's slots.
///
/// `encoder.dense_1.kernel` is the kernel of the layer `dense_1` in `encoder`.
public struct Variables: Sendable, Equatable {
  public private(set) var paths: [String] = []
  private var tensors: [String: Tensor] = [:]
  private var frozen: Set<String> = []

  public init() {}

  public subscript(path: String) -> Tensor? { tensors[path] }

  public func isTrainable(_ path: String) -> Bool { !frozen.contains(path) }

  public var count: Int { paths.count }
  public var byteCount: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }
  /// All elements of all variables.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

  /// Replaces the tensor at `path`, or adds it.
  public mutating func set(_ path: String, _ tensor: Tensor, isTrainable: Bool = true) {
    if tensors.updateValue(tensor, forKey: path) == nil { paths.append(path) }
    if isTrainable { frozen.remove(path) } else { frozen.insert(path) }
  }

  /// Takes the tensor at `path` out.
  mutating func remove(_ path: String) {
    tensors[path] = nil
    frozen.remove(path)
    paths.removeAll { $0 == path }
  }

  /// The tensors at `paths`, all of which must be there.
  package func tensors(at paths: [String]) throws(LayerError) -> [Tensor] {
    let found = paths.compactMap { tensors[$0] }
    guard found.count == paths.count else { throw .unknownVariables(expected: paths, found: self.paths) }
    return found
  }
}
