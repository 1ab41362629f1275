import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Trainings that begin with weights which lie in a file.
@Suite struct MappedWeightsTests {
  private func model(seed: UInt64, policy: DTypePolicy) throws -> Model {
    let model = Model(seed: seed, runtime: .builtinOnly()) {
      Dense(160, activation: .relu, policy: policy)
      Dense(3, policy: .float32)
    }
    try model.build(input: [1, 128])
    return model
  }

  @Test(arguments: [DTypePolicy.float32, .mixedBFloat16]) func theFileStaysAsItIs(policy: DTypePolicy) async throws {
    let folder = try TemporaryFolder()
    let path = folder.path("model.safetensors")
    let saved = try model(seed: 1, policy: policy)
    try saved.saveWeights(to: path)
    let bytes = try Data(contentsOf: URL(filePath: path))
    let (inFile, inMemory) = (try model(seed: 2, policy: policy), try model(seed: 2, policy: policy))
    try inFile.loadWeights(from: path)
    try inMemory.setVariables(try saved.variables)
    let x = try Tensor((0..<8 * 128).map { Double($0 % 7) - 3 }, shape: [8, 128], dtype: .float32)
    let data = try DataSet(features: x, targets: try Tensor((0..<8).map { Double($0 % 3) }, shape: [8], dtype: .int32))
    for frozen in ["dense_1", "dense"] {
      for model in [inFile, inMemory] {
        try model.unfreeze()
        try model.freeze(frozen)
        try await model.fit(data, epochs: 2, batch: 4)
      }
      #expect(try inFile.variables == inMemory.variables)
    }
    #expect(try inFile.variables["dense.kernel"] != saved.variables["dense.kernel"])
    #expect(try inFile(x) == inMemory(x))
    #expect(try Data(contentsOf: URL(filePath: path)) == bytes)
    try inFile.saveWeights(to: path)
    #expect(try Safetensors.read(path) == inFile.variables)
  }
}
