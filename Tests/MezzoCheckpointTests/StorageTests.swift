import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoCheckpoint

/// Weights in a dtype of the file's own, and in several files.
@Suite struct StorageTests {
  private let folder: TemporaryFolder
  private let runtime = Runtime.builtinOnly()

  init() throws { folder = try TemporaryFolder() }

  private func model(_ policy: DTypePolicy) throws -> Model {
    let model = withPolicy(policy) {
      Model(seed: 1, runtime: runtime) {
        Dense(6, activation: .relu)
        BatchNormalization()
        Dense(3)
      }
    }
    try model.build(input: [1, 4])
    return model
  }

  @Test(
    arguments: [DType.bfloat16, .float16, .float64, .float32], [DTypePolicy.mixedBFloat16, .mixedFloat16, .float64])
  func aModelIsSavedInAnyDTypeWhateverItsPolicy(dtype: DType, policy: DTypePolicy) throws {
    let model = try model(policy)
    try model.save(to: folder.url.path, dtype: dtype)
    let file = try SafetensorsFile(folder.path("model.safetensors"))
    let loaded = try Model(directory: folder.url.path, runtime: runtime)
    for path in try model.variables.paths {
      let weights = try #require(try model.variables[path])
      #expect(try file.tensor(path) == weights.cast(to: dtype))
      #expect(try loaded.variables[path] == weights.cast(to: dtype).cast(to: weights.dtype))
    }
    #expect(try loaded.variables.paths == model.variables.paths)
    let input = try Tensor([1, 2, 3, 4], shape: [1, 4], dtype: .float32)
    #expect(try loaded(input).type == model(input).type)
  }

  @Test func tiesAreRoundedToEven() throws {
    var weights = Variables()
    // Between 1 and the next bfloat16, and between that one and the next.
    let between: [Double] = [0x1.01p0, 0x1.03p0, 0x1.01001p0]
    weights.set("w", try Tensor(between, shape: [3], dtype: .float32))
    weights.set("steps", try Tensor([16_777_217], shape: [1], dtype: .int32))
    let stored = try weights.stored(as: .bfloat16)
    #expect(stored["w"]?.scalars() == [1, 0x1.04p0, 0x1.02p0])
    #expect(stored["steps"] == weights["steps"])
  }

  @Test(arguments: [(DType.float16, 65_520.0, 65_519.0), (.float8E4M3FN, 465, 463), (.float8E5M2, 61_440, 61_439)])
  func whatOverflowsIsAnErrorAndNothingIsWritten(dtype: DType, beyond: Double, largest: Double) throws {
    let model = try model(.float32)
    var weights = try model.variables
    weights.set("dense.bias", try Tensor([beyond, -beyond, 1, .infinity, 0, largest], shape: [6], dtype: .float32))
    weights.set("dense_1.bias", try Tensor([beyond, 1e-30, 0], shape: [3], dtype: .float32))
    try model.setVariables(weights)
    #expect(throws: CheckpointError.overflow(dtype: dtype, tensors: ["dense.bias": 2, "dense_1.bias": 1])) {
      try model.save(to: folder.url.path, dtype: dtype)
    }
    #expect(throws: CheckpointError.self) { try model.saveWeights(to: folder.path("w.safetensors"), dtype: dtype) }
    #expect(try folder.names.isEmpty)
    #expect(throws: CheckpointError.self) { try model.save(to: folder.url.path, dtype: .int8) }
  }

  @Test func weightsThatTheModelCannotHoldAreRefusedOnLoading() throws {
    let large = try model(.float32)
    var weights = try large.variables
    weights.set("dense_1.bias", try Tensor([1e6, 0, 0], shape: [3], dtype: .float32))
    try large.setVariables(weights)
    try large.saveWeights(to: folder.path("w.safetensors"))
    let small = try model(.float16)
    #expect(throws: CheckpointError.overflow(dtype: .float16, tensors: ["dense_1.bias": 1])) {
      try small.loadWeights(from: folder.path("w.safetensors"))
    }
  }

  @Test func largeModelsGoToSeveralFiles() throws {
    let model = try model(.mixedBFloat16)
    try model.save(to: folder.url.path, shardSize: 80)
    let names = try folder.names
    #expect(names.contains("model.safetensors.index.json") && !names.contains("model.safetensors"))
    #expect(names.contains("model-00001-of-00005.safetensors"), "\(names)")
    let text = try String(contentsOf: folder.url.appending(path: "model.safetensors.index.json"), encoding: .utf8)
    #expect(text.contains(#""total_size":\#(try model.variables.byteCount)"#))
    let loaded = try Model(directory: folder.url.path, runtime: runtime)
    #expect(try loaded.variables == model.variables)
    let other = try self.model(.float32)
    try other.loadWeights(from: folder.url.path)
    #expect(try other.variables == model.variables)
  }

  /// Parts of the old save stay what they are until the new index is there.
  @Test func aNewSaveLeavesNothingOfTheOldOne() throws {
    let model = try model(.float32)
    try model.save(to: folder.url.path, shardSize: 80)
    let first = Set(try folder.names)
    var weights = try model.variables
    weights.set("dense_1.bias", try Tensor([1, 2, 3], shape: [3], dtype: .float32))
    try model.setVariables(weights)
    try model.save(to: folder.url.path, shardSize: 80)
    let second = Set(try folder.names)
    #expect(first.count == second.count)
    #expect(first.intersection(second) == ["config.json", "model.safetensors.index.json"])
    #expect(try Model(directory: folder.url.path, runtime: runtime).variables == weights)
    try model.save(to: folder.url.path)
    #expect(try folder.names == ["config.json", "model.safetensors"])
    try model.save(to: folder.url.path, shardSize: 80)
    #expect(try !folder.names.contains("model.safetensors"))
    #expect(try Model(directory: folder.url.path, runtime: runtime).variables == weights)
  }

  @Test func tensorsLieAtMultiplesOfTheirWidth() throws {
    var variables = Variables()
    variables.set("flag", try Tensor([1, 0, 1], shape: [3], dtype: .bool))
    variables.set("w", try Tensor([1, 2], shape: [2], dtype: .float32))
    variables.set("h", try Tensor([1], shape: [1], dtype: .float16))
    variables.set("step", try Tensor(7, dtype: .int64))
    try Safetensors.write(variables, to: folder.path("w.safetensors"))
    let read = try Safetensors.read(folder.path("w.safetensors"))
    #expect(read.paths == ["step", "w", "h", "flag"])
    for path in variables.paths { #expect(read[path] == variables[path]) }
    variables.set("__metadata__", try Tensor(7, dtype: .int64))
    #expect(throws: CheckpointError.self) { try Safetensors.write(variables, to: folder.path("w.safetensors")) }
  }
}
