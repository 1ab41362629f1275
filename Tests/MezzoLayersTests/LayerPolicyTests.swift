import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// What policies say beyond Keras's two dtypes, and what they ask for that cannot be had.
@Suite struct LayerPolicyTests {
  private let runtime = Runtime.builtinOnly()
  private let input = TensorType(.float32, [1, 2])

  private func output(_ layer: any Layer) throws -> DType {
    try Model(layer, runtime: runtime)(Tensor(zeros: input)).dtype
  }

  @Test func floatingOutputsAreCastToTheOutputDType() throws {
    let policy = try DTypePolicy("params=float32,compute=bfloat16,output=float64")
    let layer = StructuredLayer(policy) { inputs, _ in
      #expect(inputs.tensor?.dtype == .bfloat16)
      return .array([inputs.positional[0], .tensor(try inputs.tensor!.cast(to: .int32)), .none])
    }
    let outputs = try Model(layer, runtime: runtime)(Arguments(.tensor(Tensor(zeros: input))))
    #expect(outputs.leaves.map { $0?.dtype } == [.float64, .int32, nil])
    #expect(try output(Dense(2, policy: policy)) == .float64)
  }

  @Test func withoutAnOutputDTypeALayerInsideHasTheLastWord() throws {
    let inner = CustomLayer(.float64) { input, _ in input }
    #expect(try output(CustomLayer(.mixedBFloat16) { try $1.call(inner, $0, name: "inner") }) == .float64)
  }

  @Test func aContainerCastsNothing() throws {
    let policy = try DTypePolicy("params=float32,compute=bfloat16,output=float64")
    #expect(try output(Sequential([CustomLayer(.float16) { input, _ in input }], policy: policy)) == .float16)
  }

  @Test func kindsOfLayersHaveRules() throws {
    let rules = try DTypePolicy(parameters: .float32, compute: .bfloat16, layers: ["Activation": .float64])
    let model = Model(Sequential([Dense(2, policy: rules), Activation(.relu, policy: rules)]), runtime: runtime)
    #expect(try model(Tensor(zeros: input)).dtype == .float64)
    #expect(try model.policies["dense"] == rules)
    #expect(try model.policies["activation"] == .float64)
    #expect(try model.layers.map(\.requested).dropFirst() == [rules, rules])
  }

  private func isSoftmax(_ node: Graph.Node) -> Bool {
    guard case .backend(.softmax, _) = node.operation.lowering else { return false }
    return true
  }

  @Test func operationsWorkInDTypesOfTheirOwn() throws {
    let policy = try DTypePolicy(parameters: .float32, compute: .bfloat16, operations: ["softmax": .float64])
    let trace = try TracedCall(
      Model(Activation(.softmax, policy: policy), runtime: runtime), input: input, isTraining: false
    ) { _ in .constant }
    let graph = trace.graph
    let softmax = try #require(graph.nodes.first(where: isSoftmax))
    #expect(graph.values[softmax.operands[0]].dtype == .float64)
    #expect(try trace.output.dtype == .bfloat16)

    // Neither a layer inside nor one behind works by it.
    let inner = CustomLayer(.bfloat16) { input, _ in try input.softmax() }
    let outer = CustomLayer(policy) { input, context in try context.call(inner, input, name: "inner") }
    let nested = try TracedCall(Model(Sequential([outer, inner]), runtime: runtime), input: input, isTraining: false) {
      _ in .constant
    }.graph
    let operands = nested.nodes.filter(isSoftmax).map { nested.values[$0.operands[0]].dtype }
    #expect(operands == [.bfloat16, .bfloat16])
  }

  @Test func anOperationThatThereIsNotNamesTheLayer() throws {
    let policy = try DTypePolicy(parameters: .float32, compute: .float32, operations: ["convolution9d": .float32])
    let error = #expect(throws: GraphError.self) {
      try Model(Sequential([Dense(1, name: "first", policy: policy)]), runtime: runtime).build(input: [1, 2])
    }
    #expect(error?.layer == "first")
    #expect(try output(Sequential([Dense(1, policy: .float32)], policy: policy)) == .float32)
  }

  @Test(arguments: ["awq/4/-1_from_mixed_bfloat16", "int4_from_float32", "float8_from_mixed_float16"])
  func quantizedWeightsAreRefusedWhenTheLayerIsBuilt(name: String) throws {
    let policy = try DTypePolicy(name)
    let model = Model(Sequential([Dense(2, name: "first", policy: policy)]), runtime: runtime)
    let error = #expect(throws: LayerError.quantizedPolicy(layer: "first", policy: name)) {
      try model.build(input: [1, 2])
    }
    #expect(error?.description.contains("_from_") == true)
    // Layers without weights, and containers, have nothing to quantize.
    #expect(try output(Activation(.relu, policy: policy)) == policy.computeDType)
    #expect(try output(Sequential([Dense(1, policy: .float32)], policy: policy)) == .float32)
  }

  @Test(arguments: [("float16", DType.float16), ("bfloat16", .bfloat16)])
  func gradientsAreRoundedToTheGradientDType(name: String, dtype: DType) throws {
    let policy = try DTypePolicy("params=float32,compute=float32,gradient=\(name)")
    let exact = 1 + 0x1p-12
    let layer = CustomLayer(policy) { input, context in
      let variable = try context.variable("v", shape: [2], initializer: .ones)
      return try input * variable
    }
    let call = try TracedCall(Model(layer, runtime: runtime), input: input, isTraining: true) { _ in .argument }
    #expect(call.computeDTypes == [.float32, dtype], "float16 gradients want a loss scale")
    let gradients = try call.gradients(of: call.output.sum())
    #expect(gradients.map(\.dtype) == [.float32])
    let results = try runtime.makePlan(call.trace.finish(gradients)).run([
      Tensor([exact, 1], shape: [1, 2], dtype: .float32), Tensor([1, 1], shape: [2], dtype: .float32),
    ])
    #expect(results[0].scalars() == [1, 1])
  }

  @Test func gradientsPassThroughWhatLayersReallyComputeIn() throws {
    func dtypes(_ layers: any Layer...) throws -> Set<DType> {
      try TracedCall(Model(Sequential(layers), runtime: runtime), input: input, isTraining: true) { _ in .state }
        .computeDTypes
    }
    let dense = Dense(2, policy: .float32)
    let half = Activation(.relu, policy: .float16)
    #expect(try dtypes(dense) == [.float32])
    #expect(try dtypes(half, dense) == [.float32], "no gradient goes that far")
    #expect(try dtypes(dense, half) == [.float32, .float16])
    #expect(try dtypes(Dense(2, policy: .mixedBFloat16)) == [.bfloat16])
    #expect(try dtypes(half) == [])
  }
}
