import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

/// The examples of `Docs/Checkpoints.md`, which have to stand here word for word, are run.
@Suite struct CheckpointGuideTests {
  @Test func thePageHoldsWhatRunsHere() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "Docs/Checkpoints.md"), encoding: .utf8)
    let source = try Self.trimmed(String(contentsOf: URL(filePath: #filePath), encoding: .utf8))
    let blocks = page.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(blocks.count == 5)
    for block in blocks { #expect(source.contains(Self.trimmed(block)), "\(block)") }
  }

  /// Without the indentation, which is another here.
  private static func trimmed(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.drop { $0 == " " } }
      .joined(separator: "\n")
  }

  private func model(_ policy: DTypePolicy = .float32) throws -> Model {
    let model = withPolicy(policy) {
      Model(seed: 2, runtime: .builtinOnly()) {
        Dense(4, activation: .relu)
        Dense(2)
      }
    }
    try model.build(input: [1, 3])
    return model
  }

  @Test func models() throws {
    let temporary = try TemporaryFolder()
    let model = try model(.mixedFloat16)
    let folders = ["folder", "half", "parts"].map(temporary.path)
    for folder in folders { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }
    let (folder, half, parts) = (folders[0], folders[1], folders[2])
    try model.save(to: folder)
    let same = try Model(directory: folder)
    #expect(try same.variables == model.variables)

    try model.save(to: half, dtype: .bfloat16)
    try model.save(to: parts, shardSize: 1 << 30)  // several files, beside model.safetensors.index.json
    #expect(try Model(directory: half).variables["dense.kernel"]?.dtype == .float32)
  }

  @Test func weights() throws {
    let temporary = try TemporaryFolder()
    let (model, other, file) = (try model(), try model(.bfloat16), temporary.path("w.safetensors"))
    try model.saveWeights(to: file, dtype: .float16)
    try other.loadWeights(from: file)  // a file, an index or a directory

    let weights = try SafetensorsFile(file)  // mapped, not read
    print(weights.names, try weights.tensor("dense.kernel").type)
    #expect(weights.type(of: "dense.kernel")?.dtype == .float16)
  }

  @Test func arrays() throws {
    let temporary = try TemporaryFolder()
    let (model, array, archive) = (try model(), temporary.path("x.npy"), temporary.path("w.npz"))
    let features = try Tensor([1, 2], shape: [2], dtype: .float32)
    try NumPyFile.write(features, to: array)
    try NumPyFile.writeArchive(try model.variables, to: archive, compressed: true)
    let arrays = try NumPyFile.readArchive(archive)
    #expect(try arrays == model.variables)
  }

  @Test func keras() throws {
    let (kerasFile, weightsFile) = (try Fixture.path("keras/chain.float32.keras"), try Fixture.path("keras/mlp.keras"))
    let network = Model(runtime: .builtinOnly()) {
      Dense(6, activation: .relu)
      BatchNormalization()
      Dense(5)
      LayerNormalization()
      Dense(3, activation: .softmax)
    }
    try network.build(input: [1, 8])
    let classifier = try Model.keras(kerasFile)  // layers with the policies of the file
    let faster = try Model.keras(kerasFile, policy: .mixedBFloat16)
    try network.loadKerasWeights(from: weightsFile)  // .weights.h5 or .keras, into a model of one's own
    #expect(try classifier.variables == faster.variables)
  }
}
