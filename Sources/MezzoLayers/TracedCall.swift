public import MezzoBackend
public import MezzoGraph
public import MezzoPolicy

/// A model's layer traced over one input type; what follows it (a loss, gradients) can be traced behind it.
public struct TracedCall {
  public let trace: Trace
  public let input: SymbolicTensor
  public let output: SymbolicTensor
  /// In the order of the graph's inputs behind `input`.
  public let variables: [VariableSpec]
  /// The dtypes in which its layers with variables compute.
  public let computeDTypes: Set<DType>
  private let symbols: [String: SymbolicTensor]

  /// - Parameter role: whether a variable is constant over many runs, or a state that the run replaces.
  public init(
    _ model: Model, input type: TensorType, isTraining: Bool, role: @escaping (VariableSpec) -> Graph.Role
  ) throws {
    // Products of extents, also of those beside a 0, must fit: layers multiply them.
    guard TensorType(type.dtype, type.shape.map { $0 == 0 ? 1 : $0 }).checkedByteCount != nil else {
      throw GraphError(.unusableType(type), layer: "input")
    }
    trace = Trace()
    input = trace.input(type, name: "input")
    let context = LayerContext(trace, isTraining: isTraining, built: try? model.variables, role: role)
    output = try context.call(model.layer, input, name: model.layer.name ?? "")
    variables = context.variables
    computeDTypes = context.computeDTypes
    symbols = context.symbols
  }

  public func symbol(_ path: String) -> SymbolicTensor? { symbols[path] }

  public var graph: Graph { trace.finish([output]) }
}
