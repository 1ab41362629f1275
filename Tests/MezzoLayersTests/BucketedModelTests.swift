import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct BucketedModelTests {
  private let runtime = Runtime.builtinOnly()

  private func ids(_ rows: Int, _ steps: Int) throws -> Tensor {
    try Tensor((0..<rows * steps).map { Double($0 * 7 % 19 + 1) }, shape: [rows, steps], dtype: .int32)
  }

  private func words(_ policy: DTypePolicy = .float32) -> Embedding {
    Embedding(inputDim: 20, outputDim: 6, maskZero: true, policy: policy)
  }

  private func attending(_ policy: DTypePolicy) throws -> Model {
    let x = LayerOutput.input("ids")
    let embedded = words(policy)(x)
    let attended = MultiHeadAttention(numHeads: 2, keyDim: 3, policy: policy)(embedded, embedded)
    return Model(try Functional(inputs: [x], outputs: attended), runtime: runtime)
  }

  @Test func sizesAreTheNextThatIsLargeEnough() throws {
    let buckets = try ShapeBuckets(batch: [8, 1], steps: [64, 16, 16, 32])
    #expect(buckets.sizes == [0: [1, 8], 1: [16, 32, 64]])
    #expect([0, 1, 16, 17, 64, 65].map { buckets.size(of: $0, axis: 1) } == [0, 16, 16, 32, 64, 65])
    #expect(buckets.size(of: 3, axis: 0) == 8 && buckets.size(of: 3, axis: 2) == 3)
    for (batch, steps) in [([0], [1]), ([1], [16, -1])] {
      let error = #expect(throws: LayerError.self) { try ShapeBuckets(batch: batch, steps: steps) }
      #expect(error?.description.contains("1 or more") == true)
    }
    #expect(throws: LayerError.self) { try ShapeBuckets(sizes: [-1: [4]]) }
  }

  @Test(arguments: [DTypePolicy.float32, .mixedBFloat16, .mixedFloat16])
  func whatIsFilledInDoesNotCount(policy: DTypePolicy) throws {
    let models = [
      Model(Sequential([words(policy), LSTM(5, policy: policy), Dense(2)], policy: policy), runtime: runtime),
      Model(
        Sequential([words(policy), GRU(5, returnSequences: true, policy: policy), Dense(3)], policy: policy),
        runtime: runtime),
      try attending(policy),
      Model(Sequential([words(policy), GlobalAveragePooling1D(policy: policy)], policy: policy), runtime: runtime),
    ]
    // A unit in the last place of the dtype, for each of the few roundings.
    let tolerance = policy == .float32 ? 1e-5 : policy == .mixedFloat16 ? 0x1p-8 : 0x1p-5
    for model in models {
      let server = BucketedModel(model, try ShapeBuckets(batch: [1, 4], steps: [4, 8]))
      for (rows, steps) in [(1, 3), (3, 5), (4, 8), (2, 4), (5, 9)] {
        let input = try ids(rows, steps)
        #expect(try server(input).type == model(input).type)
        #expect(try server.difference(on: Arguments(.tensor(input))) <= tolerance, "\(model.layer) \(rows) \(steps)")
      }
    }
  }

  @Test func aStreamOfAllSizesRunsOnAPlanForEachBucket() throws {
    let kept = Profiler()
    let model = Model(Sequential([words(), LSTM(4)], policy: .float32), runtime: Runtime(profiler: kept))
    let server = BucketedModel(model, try ShapeBuckets(batch: [2, 4, 6], steps: [4, 8, 12, 16, 20, 24, 28]))
    // Twice, in the same order: more than a model keeps by itself, and none is made again.
    for _ in 0..<2 { for rows in 1...6 { for steps in 1...28 { _ = try server(ids(rows, steps)) } } }
    let plans = Set(kept.profile.runs.map(\.plan))
    #expect(plans.count == 3 * 7)
  }

  @Test func severalInputsAreFilledUpTogether() throws {
    let server = BucketedModel(
      Model(LSTM(4, returnSequences: true, policy: .float32), runtime: runtime),
      try ShapeBuckets(batch: [4], steps: [8]))
    func inputs(_ rows: Int, _ steps: Int, maskSteps: Int) throws -> Arguments<Tensor> {
      let x = try Tensor((0..<rows * steps * 3).map { Double($0 % 7) / 7 }, shape: [rows, steps, 3], dtype: .float32)
      let mask = try Tensor([Double](repeating: 1, count: rows * maskSteps), shape: [rows, maskSteps], dtype: .bool)
      return Arguments(.tensor(x), named: ["mask": .tensor(mask)])
    }
    #expect(try server(inputs(3, 5, maskSteps: 5)).tensor?.type == TensorType(.float32, [3, 5, 4]))
    #expect(try server.difference(on: inputs(3, 5, maskSteps: 5)) < 1e-6)
    let error = #expect(throws: LayerError.self) { try server(inputs(3, 5, maskSteps: 4)) }
    #expect(error?.description.contains("one size along axis 1") == true)
    #expect(error?.description.contains("mask") == true)
  }

  @Test func ofSomeInputsOnlyTheBatchIsFilledUp() throws {
    let (x, side) = (LayerOutput.input("x"), LayerOutput.input("side"))
    let functional = try Functional(
      inputs: [x, side],
      outputs: .dictionary(["words": .tensor(words()(x)), "side": .tensor(Dense(5, policy: .float32)(side))]))
    let model = Model(functional, runtime: runtime)
    let buckets = try ShapeBuckets(batch: [4], steps: [8])
    let inputs = Arguments(
      .tensor(try ids(3, 5)), .tensor(try Tensor((0..<15).map(Double.init), shape: [3, 5], dtype: .float32)))
    let server = BucketedModel(model, buckets, batchOnly: ["input 1"])
    #expect(try server(inputs).map(\.shape) == .dictionary(["words": .tensor([3, 5, 6]), "side": .tensor([3, 5])]))
    #expect(try server.difference(on: inputs) < 1e-6)
    let misspelt = BucketedModel(model, buckets, batchOnly: ["input 2"])
    let error = #expect(throws: LayerError.self) { try misspelt(inputs) }
    #expect(error?.description.contains("[\"input\", \"input 1\"], got input 2") == true)
  }

  @Test func whatIsNotMaskedIsFound() throws {
    let mean = StructuredLayer { inputs, _ in
      .tensor(try #require(inputs.positional[0].tensor).mean(axes: [1]))
    }
    let model = Model(Sequential([words(), mean], policy: .float32), runtime: runtime)
    let server = BucketedModel(model, try ShapeBuckets(steps: [8]))
    #expect(try server.difference(on: Arguments(.tensor(ids(2, 4)))) > 0.1)
    #expect(try server.difference(on: Arguments(.tensor(ids(2, 8)))) == 0)
  }

  @Test func outputsOfAnotherLengthAreAnError() throws {
    let model = Model(Sequential([words(), Conv1D(2, kernelSize: 3)], policy: .float32), runtime: runtime)
    let server = BucketedModel(model, try ShapeBuckets(batch: [4], steps: [8]))
    let error = #expect(throws: LayerError.self) { try server(ids(3, 5)) }
    #expect(error?.description.contains("float32[4, 6, 2] for 8 and float32[4, 3, 2] for 5 along axis 1") == true)
    // The batch alone, since that size of steps is there.
    #expect(try server(ids(3, 8)).shape == [3, 6, 2])
  }

  @Test func outputsOfAnotherRankAreAnError() throws {
    let odd = StructuredLayer { inputs, _ in
      let x = try #require(inputs.positional[0].tensor)
      return .tensor(x.shape[1] == 8 ? x : try x.mean(axes: [1, 2]))
    }
    let server = BucketedModel(
      Model(Sequential([words(), odd], policy: .float32), runtime: runtime), try ShapeBuckets(steps: [8]))
    let error = #expect(throws: LayerError.self) { try server(ids(3, 5)) }
    #expect(error?.description.contains("float32[3, 8, 6] for 8 and float32[3] for 5") == true)
  }

  @Test func sizesThatAgreeByChanceAreNoRule() throws {
    let halving = Sequential([words(), Conv1D(2, kernelSize: 1, strides: 2, padding: .same)], policy: .float32)
    let server = BucketedModel(Model(halving, runtime: runtime), try ShapeBuckets(steps: [8]))
    // 8 and 7 steps become 4, 5 become 3.
    #expect(try server(ids(1, 7)).shape == [1, 4, 2])
    #expect(throws: LayerError.self) { try server(ids(1, 5)) }
  }
}
