import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite struct ModelLoadTests {
  private let runtime = Runtime.builtinOnly()

  private func model(_ units: Int = 2, seed: UInt64 = 0) throws -> Model {
    let model = Model(seed: seed, runtime: runtime) {
      Sequential([Dense(units, policy: .float32)], name: "inner", policy: .float32)
      Dense(1, name: "head", policy: .float32)
    }
    try model.build(input: [1, 3])
    return model
  }

  /// One error has all that is wrong.
  @Test func everythingThatDoesNotFitIsNamed() throws {
    let model = try model()
    let before = try model.variables
    var weights = Variables()
    weights.set("inner.dense.kernel", try Tensor(zeros: TensorType(.float32, [3, 4])))
    weights.set("inner.dense.bias", try Tensor(zeros: TensorType(.int32, [2])))
    weights.set("head.kernel", try Tensor(zeros: TensorType(.bfloat16, [2, 1])))
    weights.set("tail.kernel", try Tensor(zeros: TensorType(.float32, [2])))
    let error = #expect(throws: LayerError.self) { try model.load(weights) }
    guard case .weights(let report)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(report.loaded == ["head.kernel"])
    #expect(report.missing == ["head.bias"])
    #expect(report.unexpected == ["tail.kernel"])
    #expect(report.wrongShapes.map(\.path) == ["inner.dense.kernel"])
    #expect(report.wrongDTypes.map(\.found.dtype) == [.int32])
    for name in ["head.bias", "tail.kernel", "float32[3, 2]", "float32[3, 4]", "int32[2]"] {
      #expect(error?.description.contains(name) == true)
    }
    #expect(try model.variables == before)

    let loose = try model.load(weights, strict: false)
    #expect(loose == report)
    #expect(try model.variables["head.kernel"]?.scalars() == [0, 0])
    #expect(try model.variables["head.kernel"]?.dtype == .float32)
    #expect(try model.variables["inner.dense.kernel"] == before["inner.dense.kernel"])
  }

  @Test func aLayerTakesTheWeightsOfAModel() throws {
    let pretrained = Model(seed: 5, runtime: runtime) { Dense(2, policy: .float32) }
    try pretrained.build(input: [1, 3])
    let model = try model()
    let head = try model.variables["head.kernel"]
    let report = try model.load(pretrained.variables, into: "inner")
    #expect(report.isComplete && report.loaded == ["inner.dense.kernel", "inner.dense.bias"])
    #expect(try model.variables["inner.dense.kernel"] == pretrained.variables["dense.kernel"])
    #expect(try model.variables["head.kernel"] == head)
    #expect(throws: LayerError.self) { try model.load(pretrained.variables, into: "inne") }
    #expect(throws: LayerError.self) { try model.load(pretrained.variables, into: "head") }
  }
}
