import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoGraph

@Suite struct GradientRulesTests {
  @Test func gradientsHaveTheTypesOfTheirVariables() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [4, 3]), name: "x")
    let kernel = trace.input(TensorType(.float32, [3, 2]), name: "kernel")
    let bias = trace.input(TensorType(.float32, [2]), name: "bias")
    let logits = try (x.matmul(kernel.cast(to: .bfloat16)) + bias.cast(to: .bfloat16)).gelu()
    let labels = trace.input(TensorType(.int32, [4]), name: "labels")
    let loss = try logits.sparseCrossEntropy(labels: labels).mean()
    let gradients = try trace.gradients(of: loss, by: [x, kernel, bias])
    #expect(gradients.map(\.type) == [x.type, kernel.type, bias.type])
  }

  @Test func whatTheLossIgnoresGetsZeros() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let unused = trace.input(TensorType(.bfloat16, [2, 3]), name: "unused")
    _ = try unused.exp()
    let gradient = try trace.gradients(of: try x.sum(), by: [unused])[0]
    #expect(gradient.type == unused.type)
    let graph = trace.finish([gradient])
    let made = try #require(graph.nodes.first { $0.results.contains(gradient.id) })
    #expect(made.operation is Broadcast)
    let constant = try #require(graph.nodes.first { $0.results == made.operands })
    #expect(constant.operation.lowering == .constant(0))
  }

  @Test func gradientsAreTaggedWithTheirLayerAndBackward() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let y = try trace.tagged(Graph.Origin(layer: "head", phase: .forward)) { try x.exp() }
    let gradients = try trace.gradients(of: try y.sum(), by: [x])
    let graph = trace.finish(gradients)
    let made = try #require(graph.nodes.last { $0.results.contains(gradients[0].id) })
    #expect(made.origin == Graph.Origin(layer: "head", phase: .backward))
  }

  @Test func theLossMustBeAFloatingPointScalar() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let step = trace.input(TensorType(.int64, []), name: "step")
    for loss in [x, step] {
      #expect(
        throws: GraphError(
          .shape(operation: "gradients", expected: "a floating-point scalar loss", found: [loss.type]))
      ) { try trace.gradients(of: loss, by: [x]) }
    }
  }

  @Test func anOperationWithoutAGradientNamesItselfAndItsLayer() throws {
    let trace = Trace()
    let labels = trace.input(TensorType(.int32, [2]), name: "labels")
    let loss = try trace.tagged(Graph.Origin(layer: "head.labels", phase: .forward)) {
      try labels.oneHot(depth: 3, dtype: .float32).sum()
    }
    #expect(throws: GraphError(.notDifferentiable(operation: "one_hot"), layer: "head.labels")) {
      try trace.gradients(of: loss, by: [labels])
    }
  }

  /// Pseudo-labels: the second derivative meets their one-hot form, through which no gradient flows.
  @Test func integersThatDependOnAVariableCarryNoGradient() throws {
    let trace = Trace()
    let logits = trace.input(TensorType(.float32, [2, 3]), name: "logits")
    let loss = try logits.sparseCrossEntropy(labels: try logits.argMax()).sum()
    let first = try trace.gradients(of: loss, by: [logits])[0]
    let second = try trace.gradients(of: try (first * first).sum(), by: [logits])[0]
    #expect(second.type == logits.type)
  }

  @Test func nothingIsDifferentiatedThatLeadsToNoVariable() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    let data = trace.input(TensorType(.int32, [2]), name: "data")
    // one_hot has no gradient, and none is asked of it.
    let loss = try (x * data.oneHot(depth: 2, dtype: .float32)).sum()
    #expect(try trace.gradients(of: loss, by: [x])[0].type == x.type)
  }

  @Test func aVariableMayBeTheLoss() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, []), name: "x")
    let gradient = try trace.gradients(of: x, by: [x])[0]
    #expect(gradient.id == (try trace.constant(1, dtype: .float32)).id)
  }

  @Test func errorsDescribeWhatToDo() {
    let types = [TensorType(.float32, [2]), TensorType(.bfloat16, [2])]
    #expect(
      "\(GraphError(.dtype(operation: "add", expected: "operands of one dtype", found: types), layer: "a"))"
        == "layer a: add expected operands of one dtype, got float32[2] and bfloat16[2]; cast with cast(to:)")
    #expect(
      "\(GraphError(.elementCount(types[0], expected: 2, found: 3)))"
        == "a tensor of float32[2] has 2 elements, 3 came")
    #expect("\(GraphError(.differentTraces(operation: "add")))".contains("two different traces"))
    #expect("\(GraphError(.notDifferentiable(operation: "equal")))".contains("equal has no gradient"))
    #expect("\(GraphError(.unusableType(types[0])))".contains("float32[2]"))
  }
}
