import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoGraph

@Suite struct OperationPrecisionTests {
  @Test func aPlainPolicyMakesNoException() throws {
    for policy in [DTypePolicy.float32, .mixedFloat16, .infer, .float64] {
      #expect(try OperationPrecision(policy: policy) == .ofOperands)
    }
  }

  @Test func accumulatorsAndReductionsMeanMoreThanFloat32() throws {
    let narrow = try DTypePolicy(compute: .bfloat16, accumulator: .float32, reduction: .float32)
    #expect(try OperationPrecision(policy: narrow) == .ofOperands)
    let sums = try OperationPrecision(policy: DTypePolicy(compute: .bfloat16, accumulator: .float64)).dtypes
    #expect(
      sums == [
        .matmul: .float64, .convolution: .float64, .convolutionInputGradient: .float64,
        .convolutionKernelGradient: .float64,
      ])
    let reductions = try OperationPrecision(policy: DTypePolicy(compute: .float16, reduction: .float64)).dtypes
    #expect(
      reductions == [
        .reduceSum: .float64, .reduceMean: .float64, .softmax: .float64, .logSoftmax: .float64,
        .sparseCrossEntropy: .float64,
      ])
  }

  @Test func anOperationThatIsNamedFollowsItsName() throws {
    let policy = try DTypePolicy(
      accumulator: .float64, reduction: .float64, operations: ["softmax": .float32, "exp": .float16])
    let precision = try OperationPrecision(policy: policy)
    #expect(precision.dtypes[.softmax] == .float32)
    #expect(precision.dtypes[.exp] == .float16)
    #expect(precision.dtypes[.matmul] == .float64)
    #expect(precision.dtypes[.logSoftmax] == .float64)
  }

  @Test(arguments: OperationPrecision.operations) func everyOperationIsKnownByItsName(_ code: OperationCode) throws {
    let named = try OperationPrecision(policy: DTypePolicy(operations: [code.name: .float32]))
    #expect(try named == OperationPrecision([code: .float32]))
  }

  @Test(arguments: [
    "soft_max", "cast", "transpose", "constant", "adam_update", "one_hot", "gather", "all_finite",
  ])
  func anUnknownOperationIsAnErrorThatListsTheKnown(_ name: String) {
    let error = #expect(throws: GraphError.self) {
      try OperationPrecision(policy: DTypePolicy(operations: [name: .float32]))
    }
    guard case .operation(name, let known)? = error?.kind else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(known == OperationPrecision.operations.map(\.name).sorted())
    #expect("\(GraphError(.operation(name: name, known: known)))".contains("\"\(name)\""))
    #expect("\(GraphError(.operation(name: name, known: known)))".contains("softmax"))
  }

  @Test func anOperationWithoutFloatingPointOperandsCannotHaveADType() {
    for code in [
      OperationCode.cast, .logicalAnd, .allFinite, .oneHot, .gather, .randomUniform, .sgdUpdate, .adamUpdate,
    ] {
      let error = #expect(throws: GraphError.self) { try OperationPrecision([code: .float32]) }
      #expect(error?.kind == .operation(name: code.name, known: OperationPrecision.operations.map(\.name).sorted()))
    }
  }

  @Test func aDTypeThatNothingComputesInIsAnError() {
    let expected = "to work in one of float16, bfloat16, float32, float64"
    for dtype in [DType.int32, .bool, .float8E4M3FN, .complex64, .string] {
      #expect(throws: GraphError(.attribute(operation: "softmax", expected: expected, found: dtype.name))) {
        try OperationPrecision([.softmax: dtype])
      }
    }
    #expect(throws: GraphError(.attribute(operation: "exp", expected: expected, found: "float8_e5m2"))) {
      try OperationPrecision(policy: DTypePolicy(operations: ["exp": .float8E5M2]))
    }
  }

  @Test func precisionNestsAndEnds() throws {
    let (wide, narrow) = (try OperationPrecision([.exp: .float64]), try OperationPrecision([.exp: .float16]))
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2]), name: "x")
    #expect(throws: CancellationError.self) {
      try trace.withPrecision(wide) {
        #expect(trace.precision == wide)
        trace.withPrecision(narrow) { #expect(trace.precision == narrow) }
        #expect(trace.precision == wide)
        throw CancellationError()
      }
    }
    #expect(trace.precision == .ofOperands)
    _ = try x.exp()
    #expect(trace.finish([]).nodes.count == 1)
  }

  @Test func operandsAreCastAndResultsCastBack() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float16, [2, 3]), name: "x")
    let y = try trace.withPrecision(OperationPrecision([.softmax: .float32])) { try x.softmax().exp() }
    #expect(y.type == x.type)
    let graph = trace.finish([y])
    #expect(graph.nodes.map { type(of: $0.operation).name } == ["cast", "softmax", "cast", "exp"])
    #expect(graph.nodes.map { graph.values[$0.results[0]].dtype } == [.float32, .float32, .float16, .float16])
  }

  @Test func whatHasTheDTypeAlreadyIsNotCast() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    _ = try trace.withPrecision(OperationPrecision([.softmax: .float32])) { try x.softmax() }
    #expect(trace.finish([]).nodes.count == 1)
  }

  @Test func resultsKeepTheDTypesThatTheyHadAnyway() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [2, 3]), name: "x")
    let labels = trace.input(TensorType(.int32, [2]), name: "labels")
    let precision = try OperationPrecision([.sparseCrossEntropy: .float64, .less: .float64, .argMax: .float32])
    let results = try trace.withPrecision(precision) {
      [try x.sparseCrossEntropy(labels: labels), try x.isLess(x), try x.argMax()]
    }
    #expect(results.map(\.dtype) == [.float32, .bool, .int32])
    let graph = trace.finish(results)
    let loss = try #require(graph.nodes.first { $0.operation is SparseCrossEntropy })
    #expect(loss.operands.map { graph.values[$0].dtype } == [.float64, .int32])
  }

  @Test func viewsCastsConstantsAndUpdatesAreLeftAlone() throws {
    let everything = Dictionary(uniqueKeysWithValues: OperationPrecision.operations.map { ($0, DType.float64) })
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let rate = trace.input(TensorType(.float64, []), name: "rate")
    let apply = try trace.constant(1, dtype: .bool)
    let before = trace.finish([]).nodes.count
    try trace.withPrecision(OperationPrecision(everything)) {
      _ = try trace.constant(3, dtype: .float32).broadcast(to: [2])
      _ = try x.transposed().reshaped([6]).cast(to: .bfloat16)
      _ = try x.allFinite()
      try trace.apply(SGDUpdate(momentum: 0, nesterov: false), [x, x, x, rate, apply])
    }
    #expect(
      trace.finish([]).nodes.dropFirst(before).map { type(of: $0.operation).name }
        == ["constant", "broadcast", "transpose", "reshape", "cast", "all_finite", "sgd_update"])
  }

  @Test func whatIsRefusedLeavesNoTrace() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.float32, [2, 3]), name: "x")
    let y = trace.input(TensorType(.bfloat16, [3, 2]), name: "y")
    let precision = try OperationPrecision([.matmul: .float64])
    // Operands of two dtypes are refused with an entry as they are without.
    #expect(throws: GraphError.self) { try trace.withPrecision(precision) { try x.matmul(y) } }
    #expect(trace.finish([]).nodes.isEmpty)
  }

  @Test func gradientsHonourThePrecisionOfTheForwardOperation() throws {
    let trace = Trace()
    let x = trace.input(TensorType(.bfloat16, [4, 3]), name: "x")
    let kernel = trace.input(TensorType(.bfloat16, [3, 2]), name: "kernel")
    let bias = trace.input(TensorType(.bfloat16, [2]), name: "bias")
    let precision = try OperationPrecision([.matmul: .float64, .reduceSum: .float64])
    let y = try trace.withPrecision(precision) { try x.matmul(kernel) + bias }
    // The loss and the gradients are traced outside.
    let gradients = try trace.gradients(of: try y.sum(), by: [x, kernel, bias])
    #expect(gradients.map(\.type) == [x.type, kernel.type, bias.type])
    let graph = trace.finish(gradients)
    func dtypes<O: Operation>(of _: O.Type, _ phase: Graph.Phase) -> [DType] {
      graph.nodes.filter { $0.operation is O && $0.origin.phase == phase }.map { graph.values[$0.operands[0]].dtype }
    }
    #expect(dtypes(of: MatMul.self, .forward) == [.float64])
    #expect(dtypes(of: MatMul.self, .backward) == [.float64, .float64])
    // The loss's own sum knows of no exception; that of the bias's gradient does.
    #expect(dtypes(of: ReduceSum.self, .forward) == [.bfloat16])
    #expect(dtypes(of: ReduceSum.self, .backward) == [.float64])
    #expect(trace.precision == .ofOperands)
  }
}
