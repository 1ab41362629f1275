import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct ModelTests {
  let runtime = Runtime.builtinOnly()

  private func model(_ policy: DTypePolicy, seed: UInt64 = 0) -> Model {
    Model(
      Sequential(
        [
          Flatten(policy: policy), Dense(5, activation: .relu, policy: policy),
          Dense(3, policy: .float32),
        ], policy: policy), seed: seed, runtime: runtime)
  }

  @Test func variablesAreMadeInTheVariableDTypeUnderTheirPaths() throws {
    let model = model(.mixedBFloat16)
    #expect(throws: LayerError.notBuilt(model: "the model")) { try model.variables }
    try model.build(input: [2, 4, 2])
    #expect(try model.variables.paths == ["dense.kernel", "dense.bias", "dense_1.kernel", "dense_1.bias"])
    #expect(try model.variables["dense.kernel"]?.type == TensorType(.float32, [8, 5]))
    #expect(try model.variables.parameterCount == 8 * 5 + 5 + 5 * 3 + 3)
  }

  @Test(arguments: [DTypePolicy.float16, .bfloat16, .float64])
  func purePoliciesStoreInTheirOwnDType(policy: DTypePolicy) throws {
    let model = Model(Dense(2, policy: policy), runtime: runtime)
    let output = try model(Tensor([1, 2, 3], shape: [1, 3], dtype: .float32))
    #expect(try model.variables["kernel"]?.dtype == policy.variableDType)
    #expect(output.dtype == policy.computeDType)
  }

  @Test func aDenseLayerComputesWhatItSays() throws {
    let model = Model(Dense(2, activation: .relu, policy: .float32), runtime: runtime)
    try model.build(input: [1, 3])
    var weights = try model.variables
    weights.set("kernel", try Tensor([1, -1, 2, -2, 3, -3], shape: [3, 2], dtype: .float32))
    weights.set("bias", try Tensor([0.5, 0.25], shape: [2], dtype: .float32))
    try model.setVariables(weights)
    let output = try model(Tensor([1, 1, 1, -1, -1, -1], shape: [2, 3], dtype: .float32))
    #expect(output.scalars() == [6.5, 0, 0, 6.25])
  }

  @Test func denseTakesMoreThanTwoAxes() throws {
    let output = try Model(Dense(4, policy: .float32), runtime: runtime)(
      Tensor(zeros: TensorType(.float32, [2, 3, 5])))
    #expect(output.shape == [2, 3, 4])
  }

  @Test func integersAreCastByDenseAndPassThroughFlatten() throws {
    let images = try Tensor([1, 2, 3, 4], shape: [1, 2, 2], dtype: .uint8)
    #expect(try Model(Flatten(policy: .mixedBFloat16), runtime: runtime)(images).dtype == .uint8)
    let model = Model(runtime: runtime) {
      Flatten(policy: .mixedBFloat16)
      Dense(3, policy: .mixedBFloat16)
    }
    #expect(try model(images).dtype == .bfloat16)
  }

  @Test func anInferringPolicyTakesTheInputsDType() throws {
    let model = Model(Dense(2, policy: .infer), runtime: runtime)
    #expect(try model(Tensor([1, 2], shape: [1, 2], dtype: .float64)).dtype == .float64)
    #expect(try model.variables["kernel"]?.dtype == .float64)
  }

  @Test func whatIsToBeLoadedBeginsWithZeros() throws {
    let model = model(.mixedBFloat16)
    try model.build(inputs: Arguments(.tensor(TensorType(.float32, [2, 4, 2]))), drawsWeights: false)
    let variables = try model.variables
    #expect(variables.count == 4)
    #expect(variables.paths.allSatisfy { variables[$0]?.scalars().allSatisfy { $0 == 0 } == true })
    let drawn = self.model(.mixedBFloat16)
    try drawn.build(input: [2, 4, 2])
    try model.setVariables(try drawn.variables)
    #expect(try model.variables == drawn.variables)
  }

  @Test func seedsDecideTheWeights() throws {
    let input = try Tensor(zeros: TensorType(.float32, [1, 4, 2]))
    let models = [model(.float32, seed: 1), model(.float32, seed: 1), model(.float32, seed: 2)]
    for model in models { _ = try model(input) }
    #expect(try models[0].variables == models[1].variables)
    #expect(try models[0].variables != models[2].variables)
  }

  @Test func anInputOfAnotherWidthNamesTheLayer() throws {
    let model = model(.float32)
    try model.build(input: [2, 4, 2])
    let error = #expect(throws: LayerError.self) { try model(Tensor(zeros: TensorType(.float32, [2, 3, 2]))) }
    #expect(error?.description.contains("layer dense") == true)
    #expect(error?.description.contains("float32[8, 5]") == true)
    #expect(error?.description.contains("float32[6, 5]") == true)
  }

  @Test func aVectorIsNoBatch() throws {
    #expect(throws: LayerError.inputShape(layer: "dense", expected: "[batch, …, inputs]", found: [3])) {
      try Model(runtime: runtime) { Dense(2, policy: .float32) }(Tensor([1, 2, 3], shape: [3], dtype: .float32))
    }
  }

  @Test func anIntegerPolicyIsRefusedByDense() throws {
    let policy = try DTypePolicy("int32")
    #expect(throws: LayerError.nonFloatingPolicy(layer: "dense", policy: "int32")) {
      try Model(runtime: runtime) { Dense(2, policy: policy) }(Tensor([1, 2], shape: [1, 2], dtype: .int32))
    }
  }

  @Test func configurationsRoundTrip() throws {
    let layers = Sequential(
      [
        Flatten(policy: .float32), Dense(5, activation: .gelu, useBias: false, policy: .mixedFloat16),
        Dropout(0.25, policy: .bfloat16), Activation(.softmax, name: "out", policy: .float32),
      ], name: "net", policy: .mixedFloat16)
    let text = try JSONEncoder().encode(AnyLayer(layers))
    let read = try JSONDecoder().decode(AnyLayer.self, from: text)
    let sequential = try #require(read.layer as? Sequential)
    #expect(sequential.names == ["flatten", "dense", "dropout", "out"])
    #expect(sequential.policy == .mixedFloat16)
    #expect(sequential.layers[1] as? Dense == layers.layers[1] as? Dense)
    #expect(sequential.layers[2] as? Dropout == layers.layers[2] as? Dropout)
    #expect(sequential.layers[3] as? Activation == layers.layers[3] as? Activation)
  }

  @Test func anUnknownClassSaysWhichThereAre() throws {
    let text = Data(#"{"class_name": "Conv9D", "config": {}}"#.utf8)
    let error = #expect(throws: LayerError.self) { try JSONDecoder().decode(AnyLayer.self, from: text) }
    #expect(error?.description.contains("Conv9D") == true)
    #expect(error?.description.contains("Dense") == true)
  }

  @Test func aLayerOfOnesOwnIsAFewLines() throws {
    struct Scale: Layer {
      var policy = DTypePolicy.float32
      func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
        try input * context.variable("scale", shape: [input.shape[input.rank - 1]], initializer: .constant(3))
      }
    }
    let output = try Model(Scale(), runtime: runtime)(Tensor([1, 2], shape: [1, 2], dtype: .float32))
    #expect(output.scalars() == [3, 6])
  }

  @Test func policiesAreTakenWhenTheLayerIsMade() throws {
    let layer = withPolicy(.mixedBFloat16) { Dense(1) }
    #expect(layer.policy == .mixedBFloat16)
    #expect(withPolicy(.float64) { layer.policy } == .mixedBFloat16)
  }

  @Test func explainNamesLayersAndBackends() throws {
    let explanation = try model(.float64).explain(input: [4, 4, 2])
    let product = try #require(explanation.records.first { $0.operation.hasPrefix("matmul") })
    #expect(product.layer == "dense")
    #expect(product.operation == "matmul+bias+relu")
    #expect(product.dtypes == "float64, float64 -> float64")
    #expect(product.backend == "builtin")
  }

  @Test func predictionsMayRunOnManyThreads() async throws {
    let model = model(.mixedFloat16)
    let input = try Tensor((0..<80).map { Double($0) / 80 }, shape: [10, 4, 2], dtype: .float32)
    let first = try model(input)
    try await withThrowingTaskGroup(of: Tensor.self) { group in
      for _ in 0..<64 { group.addTask { try model(input) } }
      for try await output in group { #expect(output == first) }
    }
  }

  @Test func newWeightsReachTheNextPrediction() throws {
    let model = Model(Dense(1, useBias: false, policy: .mixedBFloat16), runtime: runtime)
    let input = try Tensor([1, 1], shape: [1, 2], dtype: .float32)
    for value in [1.0, 2.0, 3.0] {
      _ = try model(input)
      var weights = try model.variables
      weights.set("kernel", try Tensor([value, value], shape: [2, 1], dtype: .float32))
      try model.setVariables(weights)
      #expect(try model(input).scalars() == [2 * value])
    }
  }

  @Test func twoLayersOfOneNameAreRefused() throws {
    let model = Model(runtime: runtime) {
      Dense(3, name: "a", policy: .float32)
      Dense(3, name: "a", policy: .float32)
    }
    let error = #expect(throws: LayerError.self) { try model.build(input: [1, 3]) }
    #expect(error?.description.contains("two named a") == true)
  }

  @Test func weightsOfAnotherModelAreRefused() throws {
    let model = model(.float32)
    try model.build(input: [1, 4, 2])
    #expect(throws: LayerError.self) { try model.setVariables(Variables()) }
    var weights = try model.variables
    weights.set("dense.kernel", try Tensor(zeros: TensorType(.float32, [8, 6])))
    #expect(throws: LayerError.self) { try model.setVariables(weights) }
  }
}
