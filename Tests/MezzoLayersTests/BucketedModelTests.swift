import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoLayers

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
    #expect(
      error?.description == "the model in shape buckets: axis 1 of the inputs, which is filled up, was expected "
        + "to keep its size in the outputs, or to be gone from them, got float32[4, 6, 2] and float32[4, 3, 2] for 8 and 5; "
        + "leave the axis out of the buckets")
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
    #expect(error?.description.contains("float32[3, 8, 6] and float32[3] for 8 and 5") == true)
  }

  @Test func sizesThatAgreeByChanceAreNoRule() throws {
    let halving = Sequential([words(), Conv1D(2, kernelSize: 1, strides: 2, padding: .same)], policy: .float32)
    let server = BucketedModel(Model(halving, runtime: runtime), try ShapeBuckets(steps: [8]))
    // 8 and 7 steps become 4, 5 become 3.
    #expect(try server(ids(1, 7)).shape == [1, 4, 2])
    #expect(throws: LayerError.self) { try server(ids(1, 5)) }
  }

  @Test(arguments: [false, true])
  func axesThatDecideVariablesAreAnError(isBuiltBefore: Bool) throws {
    let buckets = try ShapeBuckets(batch: [4], steps: [8])
    let models: [(String, any Layer, batch: Int)] = [
      (
        "axis 1 of the inputs, which is filled up, was expected to leave the variables as they are, got kernel",
        Dense(2), 4
      ),
      (
        "got dense.kernel as float32[48, 2] and float32[30, 2] for 8 and 5",
        Sequential([words(), Flatten(), Dense(2)]), 4
      ),
      ("axis 0", Sequential([words(), LSTM(3, stateful: true)]), 3),
    ]
    for (expected, layer, batch) in models {
      let model = Model(layer, runtime: runtime)
      let isDense = layer is Dense
      // As large as the bucket, or as it is without one: neither decides what the next call says.
      if isBuiltBefore { try model.build(input: TensorType(isDense ? .float32 : .int32, [batch, 5])) }
      let server = BucketedModel(model, buckets)
      let input = try ids(batch, 5)
      for _ in 0..<2 {
        let error = #expect(throws: LayerError.self) {
          try server(isDense ? Tensor(zeros: TensorType(.float32, [batch, 5])) : input)
        }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
      }
      #expect(model.isBuilt == isBuiltBefore)
    }
  }

  @Test func aModelUsesTheVariablesThatItWasBuiltWith() throws {
    let model = Model(Dense(2, policy: .float32), runtime: runtime)
    try model.build(input: [1, 3])
    let server = BucketedModel(model, try ShapeBuckets(batch: [4]))
    #expect(try server(Tensor(zeros: TensorType(.float32, [3, 3]))).shape == [3, 2])
    let error = #expect(throws: LayerError.self) { try server(Tensor(zeros: TensorType(.float32, [3, 5]))) }
    #expect(
      error == .variableType(path: "kernel", built: TensorType(.float32, [3, 2]), asked: TensorType(.float32, [5, 2])))
  }

  @Test func stepsFromTheBackAreAnError() throws {
    let back = LSTM(3, returnSequences: true, goBackwards: true, name: "back", policy: .float32)
    let buckets = try ShapeBuckets(batch: [4], steps: [8])
    let (front, pooled) = (LSTM(3, returnSequences: true, policy: .float32), GlobalAveragePooling1D(policy: .float32))
    let ids = LayerOutput.input("ids")
    let embedded = words()(ids)
    let side = try Functional(inputs: [ids], outputs: pooled(Add(policy: .float32)(front(embedded), back(embedded))))
    for layer: any Layer in [Sequential([words(), back], policy: .float32), side] {
      let server = BucketedModel(Model(layer, runtime: runtime), buckets)
      let error = #expect(throws: LayerError.self) { try server(self.ids(3, 5)) }
      #expect(
        error?.description.contains("steps of back from the back (goBackwards)") == true, "\(error?.description ?? "")")
      #expect(try server(self.ids(3, 8)).shape[0] == 3)
    }
    // One of two calls alone is filled up.
    let more = LayerOutput.input("more")
    for inputs in [[ids, more], [more, ids]] {
      let twice = try Functional(
        inputs: inputs, outputs: .array([.tensor(back(words()(ids))), .tensor(back(words()(more)))]))
      let server = BucketedModel(Model(twice, runtime: runtime), buckets, batchOnly: ["input 1"])
      #expect(throws: LayerError.self) { try server(Arguments(.tensor(self.ids(3, 5)), .tensor(self.ids(3, 7)))) }
    }
    // Along another axis than the first two.
    let inner = Model(Sequential([Masking(), TimeDistributed(back)], policy: .float32), runtime: runtime)
    let input = try Tensor((0..<120).map { Double($0 % 7 + 1) / 8 }, shape: [2, 3, 5, 4], dtype: .float32)
    #expect(throws: LayerError.self) { try BucketedModel(inner, ShapeBuckets(sizes: [2: [8]]))(input) }
    let outer = BucketedModel(inner, try ShapeBuckets(steps: [8]))
    #expect(try outer.difference(on: Arguments(.tensor(input))) < 1e-6)
  }

  @Test func whatEndsInOrderIsNoError() throws {
    let back = LSTM(3, goBackwards: true, policy: .float32)
    let both = Bidirectional(LSTM(2, returnSequences: true))
    let buckets = try ShapeBuckets(batch: [4], steps: [8])
    for layer: any Layer in [back, both] {
      let server = BucketedModel(Model(Sequential([words(), layer], policy: .float32), runtime: runtime), buckets)
      #expect(try server.difference(on: Arguments(.tensor(ids(3, 5)))) < 1e-5)
    }
  }

  @Test func outputsOfAnotherStructureAreAnError() throws {
    let split = StructuredLayer { inputs, _ in
      let x = try #require(inputs.positional[0].tensor)
      return .array(try (0..<min(x.shape[1], 6)).map { .tensor(try x.sliced(axis: 1, $0..<$0 + 1)) })
    }
    let model = Model(Sequential([words(), split], policy: .float32), runtime: runtime)
    let server = BucketedModel(model, try ShapeBuckets(steps: [8]))
    let error = #expect(throws: LayerError.self) { try server(Arguments(.tensor(ids(2, 5)))) }
    #expect(error?.description.contains("structure as it is, got 6 and 5 for 8 and 5") == true)
    #expect(try server(Arguments(.tensor(ids(2, 7)))).leaves.count == 6)
  }

  @Test func theLogSaysOnceWhereMasksEnd() throws {
    let lines = Locked<[String]>([])
    let model = Model(Sequential([words(), Conv1D(2, kernelSize: 1), LSTM(3)], policy: .float32), runtime: runtime)
    let server = BucketedModel(
      model, try ShapeBuckets(batch: [4], steps: [8]), batchOnly: [], padding: [:],
      notices: Notices { _, text in lines.withLock { $0.append(text) } })
    _ = try server(ids(3, 8))
    #expect(lines.withLock(\.isEmpty))
    for steps in 5...7 { _ = try server(ids(3, steps)) }
    #expect(lines.withLock(\.count) == 1)
    #expect(lines.withLock { $0.first?.contains("the mask of the steps ends in conv1d; what is filled in") } == true)
  }

  @Test func layersWhereMasksEndAreKnown() throws {
    func ended(_ layers: [any Layer]) throws -> [String] {
      let model = Model(Sequential(layers, policy: .float32), runtime: runtime)
      let types = Arguments(Tree.tensor(TensorType(.int32, [2, 5])))
      return try TracedCall(model, inputs: types, isTraining: false) { _ in .constant }.endedMasks.map(\.path)
    }
    #expect(try ended([words(), Dense(4), LSTM(3, returnSequences: true), GlobalAveragePooling1D(), Dense(2)]) == [])
    #expect(try ended([words(), Bidirectional(GRU(2)), Dense(2)]) == [])
    #expect(
      try ended([words(.mixedBFloat16), Dense(4, policy: .mixedBFloat16), GlobalMaxPooling1D()]) == [
        "global_max_pooling1d"
      ])
    #expect(try ended([words(), Conv1D(2, kernelSize: 1), LSTM(3)]) == ["conv1d"])
    #expect(try ended([words(), Sequential([Dense(2), Flatten()])]) == ["sequential.flatten"])
    #expect(try ended([words(), TimeDistributed(Dense(2)), SelfAttention(), Dense(2)]) == [])
    #expect(try ended([words(), StepsGone()]) == ["steps_gone"])
    let rows = Model(Sequential([words(), TimeDistributed(GlobalMaxPooling1D()), LSTM(2)], policy: .float32))
    let types = Arguments(Tree.tensor(TensorType(.int32, [2, 3, 6])))
    #expect(
      try TracedCall(rows, inputs: types, isTraining: false) { _ in .constant }.endedMasks.map(\.path)
        == ["time_distributed.global_max_pooling1d"])
    let (x, given) = (LayerOutput.input("x"), LayerOutput.input("given"))
    let masked = try Functional(
      inputs: [x, given], outputs: LSTM(3, policy: .float32)(words()(x), named: ["mask": given]))
    let both = Arguments(Tree.tensor(TensorType(.int32, [2, 6])), Tree.tensor(TensorType(.bool, [2, 6])))
    #expect(try TracedCall(Model(masked), inputs: both, isTraining: false) { _ in .constant }.endedMasks.isEmpty)
    let alone = Arguments(Tree.tensor(TensorType(.float32, [2, 6, 4])))
    #expect(
      try TracedCall(Model(MaskedInside()), inputs: alone, isTraining: false) { _ in .constant }.endedMasks.isEmpty)
    #expect(try ended([Embedding(inputDim: 20, outputDim: 6), Conv1D(2, kernelSize: 1)]) == [])
  }

  @Test func inputsAreFilledUpWithWhatTheyNeed() throws {
    let model = Model(Sequential([Masking(maskValue: -1), LSTM(3)], policy: .float32), runtime: runtime)
    let buckets = try ShapeBuckets(steps: [8])
    let inputs = Arguments(
      Tree.tensor(try Tensor((0..<30).map { Double($0 % 7) }, shape: [2, 5, 3], dtype: .float32)))
    #expect(try BucketedModel(model, buckets).difference(on: inputs) > 0.01)
    #expect(try BucketedModel(model, buckets, padding: ["input": -1]).difference(on: inputs) < 1e-6)
    let misspelt = #expect(throws: LayerError.self) {
      try BucketedModel(model, buckets, padding: ["inputs": -1])(inputs)
    }
    #expect(misspelt?.description.contains("padding to name some of its inputs [\"input\"], got inputs") == true)
    let half = BucketedModel(
      Model(Sequential([Dense(2)], policy: .float16), runtime: runtime), buckets, padding: ["input": 1e30])
    #expect(throws: LayerError.self) { try half(Tensor(zeros: TensorType(.float16, [2, 5, 3]))) }
    for value in [0.5, .nan, 1e30] {
      let server = BucketedModel(
        Model(Sequential([words()]), runtime: runtime), buckets, padding: ["input": value])
      let error = #expect(throws: LayerError.self) { try server(ids(2, 5)) }
      #expect(error?.description.contains("a padding that is a value of input, int32[2, 5], got") == true)
    }
  }

  @Test func inputsAtTheEdges() throws {
    let model = Model(Sequential([words(), LSTM(3, returnSequences: true)], policy: .float32), runtime: runtime)
    let server = BucketedModel(model, try ShapeBuckets(batch: [4], steps: [8]))
    // Nothing is not filled up; what is larger than every size comes as it is, and the other axis is still filled up.
    for (rows, steps) in [(0, 5), (3, 0), (0, 0), (5, 6), (3, 9)] {
      let input = try Tensor(zeros: TensorType(.int32, [rows, steps]))
      #expect(try server(input).shape == [rows, steps, 3], "\(rows) \(steps)")
    }
    // An axis that no input has.
    let double = StructuredLayer { inputs, _ in
      .tensor(try #require(inputs.positional[0].tensor) * 2)
    }
    let scalars = BucketedModel(Model(double, runtime: runtime), try ShapeBuckets(batch: [4], steps: [8]))
    #expect(try scalars(Tensor(3, dtype: .float32)).scalars() == [6])
    #expect(try scalars(Tensor([1, 2, 3], shape: [3], dtype: .float32)).scalars() == [2, 4, 6])
  }

  @Test func outputsOfAllDTypesAreCut() throws {
    let layer = StructuredLayer { inputs, _ in
      let x = try #require(inputs.positional[0].tensor)
      let zero = try x.trace.constant(0, dtype: x.dtype)
      return .dictionary([
        "ids": .tensor(x), "sum": .tensor(try x.cast(to: .float64).sum(axes: [1])), "seen": .tensor(try zero.isLess(x)),
      ])
    }
    let server = BucketedModel(Model(layer, runtime: runtime), try ShapeBuckets(batch: [4], steps: [8]))
    let outputs = try server(Arguments(.tensor(ids(3, 5))))
    #expect(
      outputs.map(\.type)
        == .dictionary([
          "ids": .tensor(TensorType(.int32, [3, 5])), "sum": .tensor(TensorType(.float64, [3])),
          "seen": .tensor(TensorType(.bool, [3, 5])),
        ]))
    #expect(outputs.leaves[0] == (try ids(3, 5)))
    #expect(outputs.leaves[1]?.scalars().allSatisfy { $0 == 1 } == true)
    // As many outputs as a bucket by chance stay as they are.
    let four = BucketedModel(
      Model(Sequential([words(), LSTM(4)], policy: .float32), runtime: runtime),
      try ShapeBuckets(batch: [4], steps: [4]))
    #expect(try four(ids(3, 3)).shape == [3, 4])
  }

  @Test func tasksShareIt() async throws {
    let model = Model(Sequential([words(), LSTM(4)], policy: .float32), runtime: runtime)
    let server = BucketedModel(model, try ShapeBuckets(batch: [2, 4], steps: [4, 8]))
    let inputs = try (1...4).flatMap { rows in try (1...8).map { try ids(rows, $0) } }
    let expected = try inputs.map { try server($0) }
    await withTaskGroup(of: Bool.self) { group in
      for (input, expected) in zip(inputs, expected) { group.addTask { (try? server(input)) == expected } }
      for await isSame in group { #expect(isSame) }
    }
  }

  @Test func otherPoliciesAreFollowedFromTheNextCall() throws {
    let model = Model(Sequential([words(), LSTM(4)], policy: .float32), runtime: runtime)
    let server = BucketedModel(model, try ShapeBuckets(batch: [4], steps: [8]))
    let before = try server(ids(3, 5))
    try model.repolicy(.float16)
    #expect(try server(ids(3, 6)).type == TensorType(.float16, [3, 4]))
    try model.repolicy(.float32)
    let change = try model.repolicy(.mixedBFloat16)
    let after = try server(ids(3, 5))
    #expect(before.dtype == .float32 && after.type == TensorType(.bfloat16, [3, 4]))
    #expect(try server.difference(on: Arguments(.tensor(ids(3, 5)))) < 0x1p-5)
    try change.undo()
    #expect(try server(ids(3, 5)).dtype == .float32)
    let dense = Model(Sequential([words(), Dense(4)], policy: .float32), runtime: runtime)
    let quantized = BucketedModel(dense, try ShapeBuckets(steps: [8]))
    #expect(try quantized(ids(2, 5)).shape == [2, 5, 4])
    try dense.quantize()
    #expect(try quantized(ids(2, 6)).shape == [2, 6, 4])
  }

  @Test func differencesAreOfFiniteValues() {
    let inf = Double.infinity
    #expect(BucketedModel.difference(of: [1, 2.5], from: [1, 2]) == 0.25)
    #expect(BucketedModel.difference(of: [inf, .nan, 1, 5], from: [inf, .nan, 1, 4]) == 0.25)
    for (value, expected) in [(inf, -inf), (inf, 1), (1, inf), (.nan, 1), (1, .nan)] {
      #expect(BucketedModel.difference(of: [value, 1], from: [expected, 1]) == inf)
    }
    #expect(BucketedModel.difference(of: [], from: []) == 0)
    #expect(BucketedModel.difference(of: [0, 0], from: [0, 0]) == 0)
  }

  @Test func moreBucketsThanCanBeCountedAreNoTrap() throws {
    let many = Array(1...2000)
    let buckets = try ShapeBuckets(sizes: Dictionary(uniqueKeysWithValues: (0..<8).map { ($0, many) }))
    #expect(buckets.combinations == .max)
    _ = BucketedModel(Model(Dense(1), runtime: runtime), buckets)
  }
}

/// Hands masks on, but has no place for one.
private struct StepsGone: MaskPassing {
  var policy = DTypePolicy.float32

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor { try input.mean(axes: [1]) }
}

/// Masks and asks in one, as the only layer, which has no name.
private struct MaskedInside: Layer {
  var policy = DTypePolicy.float32

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.call(SelfAttention(), try context.call(Masking(), input, name: "masking"), name: "attention")
  }
}

private struct SelfAttention: Layer {
  var policy = DTypePolicy.float32

  func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    let attention = MultiHeadAttention(numHeads: 2, keyDim: 3)
    let inputs = LayerInputs(.tensor(input), .tensor(input))
    let output = try #require(try context.call(attention, inputs, name: "attention").tensor)
    context.setMask(context.mask(of: input), of: output)
    return output
  }
}
