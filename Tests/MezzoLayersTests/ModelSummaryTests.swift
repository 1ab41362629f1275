import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct ModelSummaryTests {
  private let runtime = Runtime.builtinOnly()

  @Test func itHasDTypesShapesAndCounts() throws {
    let model = Model(runtime: runtime) {
      Dense(4, policy: .mixedBFloat16)
      BatchNormalization(policy: .mixedBFloat16)
      Dense(2, policy: .float32)
    }
    #expect(throws: LayerError.notBuilt(model: "the model")) { try model.summary() }
    try model.build(input: [8, 3])
    try model.freeze("dense")
    let summary = try model.summary()
    #expect(summary.layers.map(\.record.path) == ["", "dense", "batch_normalization", "dense_1"])
    #expect(summary.layers.map(\.trainable) == [0, 0, 8, 10])
    #expect(summary.layers.map(\.frozen) == [0, 16, 8, 0])
    #expect(summary.layers.map(\.computeDType) == [nil, .bfloat16, .bfloat16, .float32])
    #expect(summary.layers.map(\.variableDType) == [nil, .float32, .float32, .float32])
    #expect(summary.layers[1].outputs == [.tensor(TensorType(.bfloat16, [8, 4]))])
    #expect(summary.layers.map(\.backends) == [[], [], [], []])
    #expect(summary.trainable == 18 && summary.frozen == 24 && summary.byteCount == 42 * 4)
    let text = "\(summary)"
    #expect(text.contains("42 parameters: 18 trainable, 24 frozen; 168 bytes"))
    #expect(!text.contains("backends"))
  }

  @Test func backendsAreThereOnceInferenceIsPlanned() throws {
    let model = Model(runtime: runtime) { Dense(4, policy: .float32) }
    _ = try model(Tensor(zeros: TensorType(.float32, [8, 3])))
    #expect(try model.summary().layers.last?.backends == ["builtin"])
    #expect(try "\(model.summary())".contains("backends"))
    #expect(try model.summary(inputs: Arguments(.tensor(TensorType(.float32, [9, 3])))).layers.last?.backends == [])
  }

  @Test func aLayerThatIsUsedTwiceHasTwoOutputsAndItsWeightsOnce() throws {
    let x = LayerOutput.input("x")
    let dense = Dense(3, name: "both", policy: .float32)
    let model = Model(try Functional(inputs: [x], outputs: dense(dense(x))), runtime: runtime)
    try model.build(input: [2, 3])
    let both = try #require(try model.summary().layers.first { $0.record.path == "both" })
    #expect(both.outputs.count == 2 && both.trainable == 12)
  }
}
