import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@Suite struct EmbeddingTests {
  static let table: [Double] = [1, 2, 3, 11, 12, 13, 21, 22, 23, 31, 32, 33]
  static let policies: [DTypePolicy] = [.float64, .float32, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16]

  @Test(arguments: policies) func rowsComeInTheComputeDType(_ policy: DTypePolicy) throws {
    let run = try LayerRun(
      Embedding(inputDim: 4, outputDim: 3, policy: policy), Tensor([3, 0, 3, 1], shape: [2, 2], dtype: .int32),
      weights: ["embeddings": Self.table])
    #expect(run.output.type == TensorType(try #require(policy.computeDType), [2, 2, 3]))
    #expect(run.output.scalars() == [31, 32, 33, 1, 2, 3, 31, 32, 33, 11, 12, 13])
    #expect(run.variables.map(\.type) == [TensorType(try #require(policy.variableDType), [4, 3])])
  }

  @Test(arguments: [DType.int64, .int32, .int8, .uint8, .uint16, .bool, .float32, .float16, .bfloat16, .float64])
  func indicesOfAnyDTypeAreTaken(_ dtype: DType) throws {
    let run = try LayerRun(
      Embedding(inputDim: 4, outputDim: 3, policy: .mixedBFloat16), Tensor([1, 0], shape: [2], dtype: dtype),
      weights: ["embeddings": Self.table])
    #expect(run.output.scalars() == [11, 12, 13, 1, 2, 3])
  }

  /// bfloat16 holds no odd number beyond 256.
  @Test func floatingIndicesAreNotCastToTheComputeDType() throws {
    let table = (0..<300).map(Double.init)
    let run = try LayerRun(
      Embedding(inputDim: 300, outputDim: 1, policy: .mixedFloat16), Tensor([257, 299], shape: [2], dtype: .float32),
      weights: ["embeddings": table])
    #expect(run.output.scalars() == [257, 299])
    let narrow = try LayerRun(
      Embedding(inputDim: 300, outputDim: 1, policy: .mixedBFloat16), Tensor([257], shape: [1], dtype: .float32),
      weights: ["embeddings": table.map { $0 == 257 ? 1 : 0 }])
    #expect(narrow.output.scalars() == [1])
  }

  @Test func anIndexOutsideGivesNaNAndNoGradient() throws {
    let run = try LayerRun(
      Embedding(inputDim: 4, outputDim: 3, policy: .float32), Tensor([4, 2, -1], shape: [3], dtype: .int32),
      weights: ["embeddings": Self.table], cotangent: [1, 1, 1, 2, 3, 4, 1, 1, 1])
    #expect(run.output.scalars().map(\.isNaN) == [true, true, true, false, false, false, true, true, true])
    #expect(run.weightGradients["embeddings"]?.scalars() == [0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0, 0])
  }

  /// In 16 bits a sum of ones stops at 256 or 2048.
  @Test(arguments: policies) func gradientsOfRowsThatComeOftenAreSummedInFullPrecision(_ policy: DTypePolicy) throws {
    let count = 3000
    let run = try LayerRun(
      Embedding(inputDim: 2, outputDim: 1, policy: policy),
      Tensor([Double](repeating: 1, count: count), shape: [count], dtype: .int32),
      cotangent: [Double](repeating: 1, count: count))
    let gradient = try #require(run.weightGradients["embeddings"])
    let stored = try #require(policy.variableDType)
    #expect(gradient.type == TensorType(stored, [2, 1]))
    #expect(try gradient.scalars() == [0, Tensor(3000, dtype: stored).scalar()])
  }

  @Test func underTensorFlow1BehaviourTheDTypeIsFloatx() throws {
    try withPolicyEnvironment(PolicyEnvironment()) {
      #expect(Embedding(inputDim: 1, outputDim: 1).policy == .float32)
      disableV2DTypeBehavior()
      let embedding = Embedding(inputDim: 1, outputDim: 1)
      #expect(embedding.policy == .float32)
      #expect(embedding.policy.origin == .floatx)
      #expect(LayerNormalization().policy == .infer)
      try setFloatx("float16")
      #expect(Embedding(inputDim: 1, outputDim: 1).policy == .float16)
      #expect(Embedding(inputDim: 1, outputDim: 1, policy: .mixedBFloat16).policy == .mixedBFloat16)
    }
  }

  @Test func whatCannotBeATableSaysSo() throws {
    let input = try Tensor([0], shape: [1], dtype: .int32)
    for layer in [
      Embedding(inputDim: 0, outputDim: 2, policy: .float32), Embedding(inputDim: 2, outputDim: -1, policy: .float32),
      Embedding(inputDim: 2, outputDim: 2, policy: try DTypePolicy("int32")),
    ] {
      #expect(throws: LayerError.self) { try LayerRun(layer, input) }
    }
  }
}
