import MezzoBackend
public import MezzoPolicy

extension Trace {
  /// Appends the operations that compute the gradients of `loss` (a scalar) by each of `variables`, each in its variable's
  /// dtype and shape. A variable that the loss does not depend on gets zeros.
  ///
  /// Reverse-mode differentiation over the recorded operations: each operation's own `gradient` is asked once, after all
  /// that use its results, and under the ``precision`` that the operation itself was traced under.
  public func gradients(of loss: SymbolicTensor, by variables: [SymbolicTensor]) throws(GraphError) -> [SymbolicTensor]
  {
    guard loss.shape.isEmpty, loss.dtype.isFloatingPoint else {
      throw GraphError(.shape(operation: "gradients", expected: "a floating-point scalar loss", found: [loss.type]))
    }
    guard loss.trace === self, variables.allSatisfy({ $0.trace === self }) else {
      throw GraphError(.differentTraces(operation: "gradients"))
    }
    let (forward, precisions) = (nodes, precisions)
    let needed = dependents(of: Set(variables.map(\.id)), in: forward)
    var gradients: [Graph.ValueID: SymbolicTensor] = [loss.id: try constant(1, dtype: loss.dtype)]
    for (node, precision) in zip(forward, precisions).reversed() {
      let resultGradients = node.results.map { gradients[$0] }
      guard resultGradients.contains(where: { $0 != nil }), node.operands.contains(where: needed.contains) else {
        continue
      }
      let context = GradientContext(
        operands: node.operands.map(symbol), results: node.results.map(symbol), resultGradients: resultGradients)
      try backward(through: node, precision) { () throws(GraphError) in
        for (operand, gradient) in zip(node.operands, try gradient(of: node, context)) {
          guard let gradient, needed.contains(operand) else { continue }
          if let sum = gradients[operand] {
            gradients[operand] = try sum + gradient
          } else {
            gradients[operand] = gradient
          }
        }
      }
    }
    var results: [SymbolicTensor] = []
    for variable in variables {
      if let gradient = gradients[variable.id] {
        note(gradient: gradient, by: variable)
        results.append(gradient)
      } else {
        results.append(try constant(0, dtype: variable.dtype).broadcast(to: variable.shape))
      }
    }
    return results
  }

  /// What `body` traces belongs to the layer of `node`, and works as `node` was told to.
  private func backward(
    through node: Graph.Node, _ precision: OperationPrecision, _ body: () throws(GraphError) -> Void
  ) throws(GraphError) {
    try tagged(Graph.Origin(layer: node.origin.layer, phase: .backward)) { () throws(GraphError) in
      try withPrecision(precision, body)
    }
  }

  /// The dtypes of all that depends on `sources` through floating-point values: what gradients by them pass through on their
  /// way back.
  public func dtypes(dependingOn sources: [SymbolicTensor]) -> Set<DType> {
    let sources = Set(sources.map(\.id))
    return Set(dependents(of: sources, in: nodes).subtracting(sources).map { symbol($0).dtype })
  }

  private func gradient(of node: Graph.Node, _ context: GradientContext) throws(GraphError) -> [SymbolicTensor?] {
    do throws(GraphError) {
      return try node.operation.gradient(context)
    } catch {
      throw GraphError(error.kind, layer: error.layer.isEmpty ? node.origin.layer : error.layer)
    }
  }

  /// Only through floating-point values: labels and conditions that depend on a variable carry no gradient.
  private func dependents(of sources: Set<Graph.ValueID>, in nodes: [Graph.Node]) -> Set<Graph.ValueID> {
    nodes.reduce(into: sources) { reached, node in
      if node.operands.contains(where: reached.contains) {
        reached.formUnion(node.results.filter { symbol($0).dtype.isFloatingPoint })
      }
    }
  }
}
