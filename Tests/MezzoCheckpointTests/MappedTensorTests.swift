import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoCheckpoint

/// Tensors that lie in a file as long as nobody writes to them.
@Suite struct MappedTensorTests {
  private let folder: TemporaryFolder
  private let runtime = Runtime.builtinOnly()

  init() throws { folder = try TemporaryFolder() }

  private var path: String { folder.path("model.safetensors") }

  /// More than what is copied.
  private static let type = TensorType(.float32, [128, 160])

  private func large(_ factor: Double) throws -> Tensor {
    try Tensor((0..<128 * 160).map { factor * Double($0 % 251) }, shape: Self.type.shape, dtype: .float32)
  }

  private func write(_ factor: Double) throws {
    var variables = Variables()
    variables.set("large", try large(factor))
    variables.set("small", try Tensor([factor], shape: [1], dtype: .float32))
    try Safetensors.write(variables, to: path)
  }

  @Test func largeOnesStayInTheFile() throws {
    try write(1)
    let file = try SafetensorsFile(path)
    let (first, second) = (try file.tensor("large"), try file.tensor("large"))
    #expect(first.storage.bytes.baseAddress == second.storage.bytes.baseAddress)
    #expect(first.storage.isAligned)
    #expect(try first == large(1))
    let (small, other) = (try file.tensor("small"), try file.tensor("small"))
    #expect(small.storage.bytes.baseAddress != other.storage.bytes.baseAddress)
  }

  @Test func theyOutliveTheFile() throws {
    try write(1)
    let tensor = try SafetensorsFile(path).tensor("large")
    try FileManager.default.removeItem(atPath: path)
    tensor.storage.rest()
    #expect(try tensor == large(1))
  }

  @Test func aFileThatTakesTheNameChangesNothing() throws {
    try write(1)
    let tensor = try SafetensorsFile(path).tensor("large")
    try write(2)
    tensor.storage.rest()
    #expect(try tensor == large(1))
    #expect(try SafetensorsFile(path).tensor("large") == large(2))
  }

  @Test func whatIsWrittenIsACopy() throws {
    try write(1)
    var tensor = try SafetensorsFile(path).tensor("large")
    tensor.uniqueStorage().bytes.storeBytes(of: Float(-1), as: Float.self)
    #expect(tensor.scalars()[0] == -1)
    #expect(try SafetensorsFile(path).tensor("large") == large(1))
  }

  @Test func aShorterFileIsAnError() throws {
    try write(1)
    let file = try SafetensorsFile(path)
    let handle = try FileHandle(forWritingTo: URL(filePath: path))
    try handle.truncate(atOffset: 1000)
    #expect(throws: CheckpointError.self) { try file.tensor("large") }
    #expect(throws: CheckpointError.self) { try SafetensorsFile(path) }
  }

  /// What ends with a page of the file is not read beyond it.
  @Test(arguments: [1, 3, 7, 61]) func lengthsOfAllKindsAreRead(_ rest: Int) throws {
    var variables = Variables()
    let bytes = (0..<(1 << 16) + rest).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    variables.set("bytes", try Tensor(bytes: bytes, shape: [bytes.count], dtype: .uint8))
    variables.set("more", try Tensor(bytes: bytes, shape: [bytes.count], dtype: .uint8))
    try Safetensors.write(variables, to: path)
    #expect(try Safetensors.read(path) == variables)
  }

  private func model(seed: UInt64, policy: DTypePolicy = .float32) throws -> Model {
    let model = Model(seed: seed, runtime: runtime) {
      Dense(160, activation: .relu, policy: policy)
      Dense(1, policy: .float32)
    }
    try model.build(input: [1, 128])
    return model
  }

  @Test(arguments: [DTypePolicy.float32, .mixedBFloat16, .mixedFloat16])
  func aModelOnItIsTheModelThatWasSaved(policy: DTypePolicy) throws {
    let saved = try model(seed: 1, policy: policy)
    try saved.saveWeights(to: path)
    let loaded = try model(seed: 2, policy: policy)
    try loaded.loadWeights(from: path)
    for rows in [1, 3, 40] {
      let input = try Tensor((0..<rows * 128).map { Double($0 % 13) - 6 }, shape: [rows, 128], dtype: .float32)
      #expect(try loaded(input) == saved(input))
    }
    #expect(try loaded.variables == saved.variables)
  }

  @Test func savingOverTheFileThatModelsLieIn() throws {
    let saved = try model(seed: 1)
    try saved.saveWeights(to: path)
    let (first, second) = (try model(seed: 2), try model(seed: 3))
    for model in [first, second] { try model.loadWeights(from: path) }
    let other = try model(seed: 4)
    try other.saveWeights(to: path)
    #expect(try first.variables == saved.variables)
    try second.saveWeights(to: path)
    #expect(try Safetensors.read(path) == saved.variables)
    try second.saveWeights(to: path)
    #expect(try second.variables == saved.variables)
  }

  @Test func otherPoliciesAfterwards() throws {
    let saved = try model(seed: 1)
    try saved.saveWeights(to: path)
    let (inFile, inMemory) = (try model(seed: 2), try model(seed: 2))
    try inFile.loadWeights(from: path)
    try inMemory.setVariables(try saved.variables)
    let x = try Tensor((0..<4 * 128).map { Double($0 % 7) - 3 }, shape: [4, 128], dtype: .float32)
    for policy in [DTypePolicy.mixedBFloat16, .bfloat16, try DTypePolicy("int8_from_float32"), .float32] {
      for model in [inFile, inMemory] { try model.repolicy(policy) }
      #expect(try inFile(x) == inMemory(x))
      #expect(try inFile.variables == inMemory.variables)
    }
  }
}
