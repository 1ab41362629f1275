import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// Masks that tensors carry from layer to layer, by Keras's rules.
@Suite struct MaskTests {
  private let runtime = Runtime.builtinOnly()
  private let words = Embedding(inputDim: 5, outputDim: 3, maskZero: true, policy: .float32)

  private func ids() throws -> Tensor { try Tensor([1, 2, 0, 0, 3, 4, 1, 0], shape: [2, 4], dtype: .int32) }

  /// The mask that the output carries; nil if none.
  private func mask(_ layers: [any Layer], _ input: Tensor) throws -> [Double]? {
    let model = Model(Sequential(layers, policy: .float32), runtime: runtime)
    let call = try TracedCall(model, input: input.type, isTraining: false) { _ in .constant }
    guard let mask = try call.mask(of: call.output) else { return nil }
    let weights = try call.variables.map { try $0.initializer.tensor($0.type, seed: 0, path: $0.path) }
    #expect(mask.dtype == .bool)
    return try runtime.plan(call.trace.finish([mask])).run([input] + weights)[0].scalars()
  }

  @Test func whoMakesThemPassesThemAndStopsThem() throws {
    let expected: [Double] = [1, 1, 0, 0, 1, 1, 1, 0]
    #expect(try mask([words], ids()) == expected)
    let passing: [any Layer] = [
      Dense(3), Activation(.relu), Dropout(0.5), LayerNormalization(), BatchNormalization(), GaussianNoise(0.1),
      Cast(to: .float32), LSTM(3, returnSequences: true), TimeDistributed(Dense(3)),
      Bidirectional(GRU(3, returnSequences: true)),
    ]
    for layer in passing { #expect(try mask([words, layer], ids()) == expected, "\(layer)") }
    #expect(try mask([words] + passing, ids()) == expected)
    for layer in [LSTM(3), Flatten(), Reshape([3, 4]), Conv1D(2, kernelSize: 2), GlobalAveragePooling1D()]
      as [any Layer]
    {
      #expect(try mask([words, layer], ids()) == nil, "\(layer)")
    }
    let features = try Tensor([9, 9, 1, 9, 9, 9, 0, 0], shape: [2, 2, 2], dtype: .float32)
    #expect(try mask([Masking(maskValue: 9, policy: .mixedBFloat16), Dense(2)], features) == [0, 1, 0, 1])
    #expect(
      try mask([words, LSTM(3, returnSequences: true, goBackwards: true)], ids()) == [0, 0, 1, 1, 0, 1, 1, 1])
  }

  /// The same with and without padding.
  @Test(
    arguments: [
      SimpleRNN(2, policy: .float32), LSTM(2, policy: .float32), GRU(2, policy: .float32),
      Bidirectional(LSTM(2, policy: .float32), policy: .float32), GlobalAveragePooling1D(policy: .float32),
    ] as [any Layer])
  func paddingIsLeftOut(layer: any Layer) throws {
    let model = Model(Sequential([words, layer], policy: .float32), runtime: runtime)
    let padded = try model(Tensor([1, 2, 3, 0, 0], shape: [1, 5], dtype: .int32))
    let bare = try model(Tensor([1, 2, 3], shape: [1, 3], dtype: .int32))
    for (got, expected) in zip(padded.scalars(), bare.scalars()) { #expect(abs(got - expected) < 1e-6) }
    let without = Embedding(inputDim: 5, outputDim: 3, policy: .float32)
    let blind = Model(Sequential([without, layer], policy: .float32), runtime: runtime)
    #expect(try blind(Tensor([1, 2, 3, 0, 0], shape: [1, 5], dtype: .int32)) != padded)
  }

  @Test(
    arguments: [
      MultiHeadAttention(numHeads: 2, keyDim: 2, policy: .float32), Attention(policy: .float32),
      GroupedQueryAttention(headDim: 2, numQueryHeads: 2, numKeyValueHeads: 1, policy: .float32),
    ] as [any Layer])
  func attentionsLeaveMaskedKeysOut(layer: any Layer) throws {
    let x = LayerOutput.input("ids")
    let embedded = words(x)
    let model = Model(try Functional(inputs: [x], outputs: layer(embedded, embedded)), runtime: runtime)
    let padded = try model(Tensor([1, 2, 3, 0], shape: [1, 4], dtype: .int32)).scalars()
    let bare = try model(Tensor([1, 2, 3], shape: [1, 3], dtype: .int32)).scalars()
    for (got, expected) in zip(padded, bare) { #expect(abs(got - expected) < 1e-6) }
  }

  @Test func mergedTensorsHaveMergedMasks() throws {
    let (a, b) = (LayerOutput.input("a"), LayerOutput.input("b"))
    func mask(_ merge: any Layer) throws -> [Double]? {
      let (x, y) = (words(a), Embedding(inputDim: 5, outputDim: 3, maskZero: true, name: "other", policy: .float32)(b))
      let model = Model(try Functional(inputs: [a, b], outputs: merge(x, y)), runtime: runtime)
      let type = TensorType(.int32, [1, 3])
      let call = try TracedCall(
        model, inputs: Arguments(.tensor(type), .tensor(type)), isTraining: false
      ) { _ in .constant }
      guard let mask = try call.mask(of: call.output) else { return nil }
      let ids = [
        try Tensor([1, 0, 0], shape: [1, 3], dtype: .int32), try Tensor([2, 2, 0], shape: [1, 3], dtype: .int32),
      ]
      let weights = try call.variables.map { try Tensor(zeros: $0.type) }
      return try runtime.plan(call.trace.finish([mask])).run(ids + weights)[0].scalars()
    }
    #expect(try mask(Add(policy: .float32)) == [1, 0, 0])
    #expect(try mask(Concatenate(policy: .float32)) == [1, 0, 0])
    #expect(try mask(Concatenate(axis: 1, policy: .float32)) == [1, 0, 0, 1, 1, 0])
    #expect(try mask(Subtract(policy: .float32)) == [1, 0, 0])
  }

  /// A mask of words in sentences reaches the layer that sees the words of one.
  @Test func timeDistributedHandsInnerMasksIn() throws {
    let masked = Masking(policy: .float32)
    let input = try Tensor([1, 2, 0, 1, 0, 0, 0, 0], shape: [2, 2, 2, 1], dtype: .float32)
    let call = try TracedCall(
      Model(Sequential([masked, TimeDistributed(SimpleRNN(2, policy: .float32), policy: .float32)]), runtime: runtime),
      input: input.type, isTraining: false
    ) { _ in .constant }
    let mask = try #require(try call.mask(of: call.output))
    let weights = try call.variables.map { try Tensor(zeros: $0.type) }
    #expect(try runtime.plan(call.trace.finish([mask])).run([input] + weights)[0].scalars() == [1, 1, 0, 0])
  }
}
