public import MezzoBackend
public import MezzoPolicy

/// Records the operations that are applied to symbolic tensors, and makes a `Graph` of them.
///
/// ```swift
/// let trace = Trace()
/// let x = trace.input(TensorType(.float32, [4]), name: "x")
/// let graph = trace.finish([try x.exp()])
/// ```
public final class Trace {
  private var values: [TensorType] = []
  private(set) var nodes: [Graph.Node] = []
  /// The precision that was in force where each node was traced, which its gradient honours too.
  private(set) var precisions: [OperationPrecision] = []
  private var inputs: [Graph.Input] = []
  /// Places and not tensors, which would hold the trace that holds them.
  private var constants: [Constant: Graph.ValueID] = [:]
  /// What the loss was differentiated by, and the gradient.
  private var gradients: [(variable: Graph.ValueID, value: Graph.ValueID)] = []
  /// Which layer is being traced, and in which phase; operations are tagged with it.
  public private(set) var origin = Graph.Origin(layer: "", phase: .forward)
  /// Which operations work in a dtype of their own.
  public private(set) var precision = OperationPrecision.ofOperands

  /// Which operations of the forward pass cast their operands to such a dtype, each once, in the order in which they were traced.
  public private(set) var operationCasts: [OperationCast] = []

  /// Whether constants that a dtype cannot hold, and integers that it may not hold, are errors.
  public private(set) var isStrict = false

  public init() {}

  public func input(_ type: TensorType, name: String, role: Graph.Role = .argument) -> SymbolicTensor {
    let symbol = newValue(type)
    inputs.append(Graph.Input(value: symbol.id, name: name, role: role, layer: origin.layer))
    return symbol
  }

  /// A scalar that the graph knows; it broadcasts against any shape.
  public func constant(_ value: Double, dtype: DType) throws(GraphError) -> SymbolicTensor {
    if isStrict, let fate = dtype.fate(of: value) {
      throw GraphError(.constant(value, dtype: dtype, fate: fate), layer: origin.layer)
    }
    let constant = Constant(value: value, dtype: dtype)
    if let known = constants[constant] { return symbol(known) }
    let symbol = try apply(constant, [])[0]
    constants[constant] = symbol.id
    return symbol
  }

  /// Records `operation`, in the dtype that ``precision`` gives it.
  ///
  /// - Returns: its results, in the dtypes that its operands call for.
  /// - Throws: `GraphError` where the operands do not fit the operation; then nothing is recorded.
  @discardableResult
  public func apply(_ operation: some Operation, _ operands: [SymbolicTensor]) throws(GraphError) -> [SymbolicTensor] {
    guard operands.allSatisfy({ $0.trace === self }) else {
      throw GraphError(.differentTraces(operation: type(of: operation).name), layer: origin.layer)
    }
    if isStrict { try requireExactIntegers(operation, operands) }
    let types = try resultTypes(of: operation, operands)
    guard let dtype = precision.dtype(of: operation) else { return record(operation, operands, types) }
    let inside = try operands.map { operand throws(GraphError) -> SymbolicTensor in
      guard operand.dtype.isFloatingPoint else { return operand }
      note(type(of: operation).name, operand.dtype, dtype)
      return try operand.cast(to: dtype)
    }
    let results = record(operation, inside, try resultTypes(of: operation, inside))
    return try zip(results, types).map { result, type throws(GraphError) in try result.cast(to: type.dtype) }
  }

  private func note(_ operation: String, _ from: DType, _ to: DType) {
    guard from != to, origin.phase == .forward else { return }
    let cast = OperationCast(layer: origin.layer, operation: operation, from: from, to: to)
    if !operationCasts.contains(cast) { operationCasts.append(cast) }
  }

  private func requireExactIntegers(
    _ operation: some Operation, _ operands: [SymbolicTensor]
  ) throws(GraphError) {
    guard let cast = operation as? Cast, cast.dtype.isFloatingPoint, let source = operands.first?.dtype,
      source.isInteger, !cast.dtype.holdsAll(of: source)
    else { return }
    throw GraphError(.inexactIntegers(from: source, to: cast.dtype), layer: origin.layer)
  }

  private func resultTypes(
    of operation: some Operation, _ operands: [SymbolicTensor]
  ) throws(GraphError) -> [TensorType] {
    let types: [TensorType]
    do {
      types = try operation.resultTypes(operands.map(\.type))
    } catch {
      throw GraphError(error.kind, layer: error.layer.isEmpty ? origin.layer : error.layer)
    }
    for type in types where type.checkedByteCount == nil {
      throw GraphError(.unusableType(type), layer: origin.layer)
    }
    return types
  }

  private func record(
    _ operation: some Operation, _ operands: [SymbolicTensor], _ types: [TensorType]
  ) -> [SymbolicTensor] {
    let results = types.map(newValue)
    nodes.append(
      Graph.Node(operation: operation, operands: operands.map(\.id), results: results.map(\.id), origin: origin))
    precisions.append(precision)
    return results
  }

  /// Tags what `body` traces with `layer` (a path) and `phase`.
  public func tagged<R, E: Error>(_ origin: Graph.Origin, _ body: () throws(E) -> R) throws(E) -> R {
    let outer = self.origin
    self.origin = origin
    defer { self.origin = outer }
    return try body()
  }

  /// Has the operations that `body` traces, and their gradients whenever those are traced, work in `precision`, which
  /// takes the place of the one in force outside.
  public func withPrecision<R, E: Error>(_ precision: OperationPrecision, _ body: () throws(E) -> R) throws(E) -> R {
    let outer = self.precision
    self.precision = precision
    defer { self.precision = outer }
    return try body()
  }

  /// Traces `body` with numbers that a dtype cannot hold as errors, or not.
  public func withStrictness<R, E: Error>(_ isStrict: Bool, _ body: () throws(E) -> R) throws(E) -> R {
    let outer = self.isStrict
    self.isStrict = isStrict
    defer { self.isStrict = outer }
    return try body()
  }

  /// The graph of everything traced so far. `updates` pairs inputs of role `state` with what replaces them; a `constant`
  /// that is replaced becomes a state. An `argument` is the caller's, and never replaced.
  public func finish(
    _ outputs: [SymbolicTensor], updates: [(state: SymbolicTensor, value: SymbolicTensor)] = []
  ) -> Graph {
    var inputs = inputs
    let updates = updates.compactMap { update in
      inputs.firstIndex { $0.value == update.state.id && $0.role != .argument }.map {
        Graph.Update(input: $0, value: update.value.id)
      }
    }
    for update in updates { inputs[update.input].role = .state }
    let gradients = gradients.compactMap { gradient in
      inputs.firstIndex { $0.value == gradient.variable }.map { Graph.Gradient(input: $0, value: gradient.value) }
    }
    return Graph(
      values: values, nodes: nodes, inputs: inputs, outputs: outputs.map(\.id), updates: updates, gradients: gradients)
  }

  /// Takes note of `value` as the gradient by `variable`, so that a run can tell whose gradient it has before it.
  func note(gradient value: SymbolicTensor, by variable: SymbolicTensor) {
    gradients.append((variable.id, value.id))
  }

  /// The number that a value holds everywhere, where that is known.
  func literal(_ id: Graph.ValueID) -> Double? {
    guard let node = nodes.last(where: { $0.results.contains(id) }) else { return nil }
    switch node.operation.lowering {
    case .constant(let value): return value
    case .view: return literal(node.operands[0])
    case .backend: return nil
    }
  }

  func symbol(_ id: Graph.ValueID) -> SymbolicTensor { SymbolicTensor(id: id, type: values[id], trace: self) }

  private func newValue(_ type: TensorType) -> SymbolicTensor {
    values.append(type)
    return symbol(values.count - 1)
  }
}

/// A tensor that a trace will have: a type, and the place in the graph that makes its values.
public struct SymbolicTensor {
  public let id: Graph.ValueID
  public let type: TensorType
  public let trace: Trace

  public var dtype: DType { type.dtype }
  public var shape: [Int] { type.shape }
  public var rank: Int { type.rank }
}

extension SymbolicTensor {
  func apply(_ operation: some Operation, _ others: SymbolicTensor...) throws(GraphError) -> SymbolicTensor {
    try trace.apply(operation, [self] + others)[0]
  }
}
