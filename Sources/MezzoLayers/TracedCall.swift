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
  /// What the call assigned to variables that are not trained: the variable as it was, and what replaces it.
  public let assignments: [(variable: LayerVariable, value: SymbolicTensor)]
  private let context: LayerContext

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
    assignments = context.assignments
    self.context = context
  }

  /// The variable of that path as it is stored.
  public func symbol(_ path: String) -> SymbolicTensor? { context.stored(path) }

  /// What the regularizers of the variables add to a loss of `dtype`: a scalar, or `nil` where there are none.
  ///
  /// Computed from what is stored, outside of every layer: no policy rounds it.
  public func penalty(dtype: DType) throws -> SymbolicTensor? {
    var sum: SymbolicTensor?
    for spec in variables {
      guard let regularizer = spec.regularizer, let value = symbol(spec.path) else { continue }
      let term = try trace.tagged(Graph.Origin(layer: spec.layer, phase: .forward)) {
        try regularizer.penalty(value).cast(to: dtype)
      }
      sum = try sum.map { try $0 + term } ?? term
    }
    return sum
  }

  public var graph: Graph { trace.finish([output]) }
}
