import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct FreezingTests {
  private let runtime = Runtime.builtinOnly()

  private func model() throws -> Model {
    let model = Model(runtime: runtime) {
      Sequential(
        [
          Dense(3, kernelRegularizer: .l2(1), policy: .float32), BatchNormalization(name: "norm", policy: .float32),
          Dense(2, policy: .float32),
        ], name: "encoder", policy: .float32)
      Dense(1, name: "head", policy: .float32)
    }
    try model.build(input: [4, 3])
    return model
  }

  private func trainable(_ model: Model) throws -> [String] {
    try model.variables.paths.filter { try model.isTrainable($0) }
  }

  @Test func layersAndVariablesAreFrozenByPath() throws {
    let model = try model()
    let all = try trainable(model)
    #expect(all.count == 8)
    try model.freeze("encoder")
    #expect(try trainable(model) == ["head.kernel", "head.bias"])
    try model.unfreeze("encoder.dense_1")
    #expect(try trainable(model) == ["encoder.dense_1.kernel", "encoder.dense_1.bias", "head.kernel", "head.bias"])
    try model.freeze("head.bias")
    #expect(model.frozenPaths == ["encoder", "head.bias"])
    #expect(try trainable(model).last == "head.kernel")
    try model.freeze()
    #expect(try trainable(model) == [])
    try model.unfreeze()
    #expect(try trainable(model) == all)
    #expect(model.frozenPaths == [])
  }

  @Test func aPathThatIsNotThereIsRefused() throws {
    let model = try model()
    for path in ["encode", "encoder.dense_7", "head.kernel.x"] {
      #expect(throws: LayerError.self) { try model.freeze("head", path) }
    }
    #expect(model.frozenPaths == [])
    #expect(throws: LayerError.notBuilt(model: "the model")) { try Model { Dense(1) }.freeze("dense") }
  }

  @Test func whatIsFrozenHasNoGradientAndNoPenalty() throws {
    let model = try model()
    func call() throws -> TracedCall {
      try TracedCall(model, input: TensorType(.float32, [4, 3]), isTraining: true) { _ in .constant }
    }
    let free = try call()
    #expect(free.assignments.count == 2)
    try model.freeze("encoder")
    let frozen = try call()
    let loss = try frozen.output.sum()
    #expect(try frozen.gradients(of: loss).count == 2)
    #expect(frozen.assignments.isEmpty)
    // With no regularizer left the objective is the loss itself.
    #expect(try frozen.objective(loss).id == loss.id)
  }

  /// As Keras's, a frozen batch normalisation takes its averages in training too.
  @Test func aFrozenBatchNormalizationWorksAsInInference() throws {
    let layer = BatchNormalization(policy: .float32)
    let model = Model(layer, runtime: runtime)
    let input = try Tensor([1, 2, 3, 5], shape: [4, 1], dtype: .float32)
    let inferred = try model(input)
    func trained() throws -> Tensor {
      let call = try TracedCall(model, input: input.type, isTraining: true) { _ in .constant }
      let weights = try call.variables.map { try #require(model.variables[$0.path]) }
      return try runtime.plan(call.graph).run([input] + weights)[0]
    }
    #expect(try trained() != inferred)
    try model.freeze()
    #expect(try trained() == inferred)
  }
}
