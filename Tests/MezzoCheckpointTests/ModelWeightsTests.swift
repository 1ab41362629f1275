import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite final class ModelWeightsTests {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")
  private var file: String { directory.appending(path: "weights.safetensors").path }
  private let runtime = Runtime.builtinOnly()

  init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: directory) }

  private func model(_ policy: DTypePolicy, units: Int = 2, inputs: Int = 3, seed: UInt64 = 0) throws -> Model {
    let model = Model(seed: seed, runtime: runtime) { Dense(units, policy: policy) }
    try model.build(input: [1, inputs])
    return model
  }

  /// float32 for all mixed policies, so that nothing is lost between them.
  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .mixedBFloat16], [DTypePolicy.float32, .mixedFloat16])
  func mixedPoliciesInterchangeExactly(from: DTypePolicy, to: DTypePolicy) throws {
    let saved = try model(from, seed: 1)
    try saved.saveWeights(to: file)
    let loaded = try model(to, seed: 2)
    #expect(try loaded.variables != saved.variables)
    try loaded.loadWeights(from: file)
    #expect(try loaded.variables == saved.variables)
  }

  @Test(arguments: [DTypePolicy.float16, .bfloat16, .float64, .float32])
  func weightsAreRoundedOnceToTheDTypeOfTheModel(policy: DTypePolicy) throws {
    let saved = try model(.float64, seed: 1)
    try saved.saveWeights(to: file)
    let loaded = try model(policy, seed: 2)
    try loaded.loadWeights(from: file)
    let dtype = try #require(policy.variableDType)
    for path in try saved.variables.paths {
      let weights = try #require(try saved.variables[path])
      #expect(try loaded.variables[path] == weights.cast(to: dtype))
      #expect(try loaded.variables.isTrainable(path))
    }
  }

  @Test func weightsOfAnotherModelAreRefused() throws {
    try model(.float32, units: 4).saveWeights(to: file)
    let loaded = try model(.float32)
    let before = try loaded.variables
    let error = #expect(throws: LayerError.self) { try loaded.loadWeights(from: file) }
    #expect(error.map { "\($0)" }?.contains("dense.kernel") == true)
    let other = Model(runtime: runtime) {
      Dense(2)
      Dense(2)
    }
    try other.build(input: [1, 3])
    let refusal = #expect(throws: LayerError.self) { try other.loadWeights(from: file) }
    guard case .weights(let report) = refusal else {
      Issue.record("\(String(describing: refusal))")
      return
    }
    #expect(report.missing == ["dense_1.kernel", "dense_1.bias"])
    #expect(report.wrongShapes.map(\.path) == ["dense.kernel", "dense.bias"])
    #expect(try loaded.variables == before)
  }

  @Test func weightsNeedAModelThatIsBuilt() throws {
    let unbuilt = Model(runtime: runtime) { Dense(2) }
    #expect(throws: LayerError.notBuilt(model: "the model")) { try unbuilt.saveWeights(to: file) }
    try model(.float32).saveWeights(to: file)
    #expect(throws: LayerError.notBuilt(model: "the model")) { try unbuilt.loadWeights(from: file) }
    #expect(throws: CheckpointError.self) { try model(.float32).loadWeights(from: "\(file).missing") }
  }
}
