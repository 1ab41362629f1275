import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@Suite final class ModelSaveTests {
  private let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: directory) }

  @Test func aModelComesBackWithItsPoliciesUnderAnyGlobalPolicy() throws {
    let runtime = Runtime.builtinOnly()
    let model = withPolicy(.mixedFloat16) {
      Model(seed: 4, runtime: runtime) {
        Dense(6, activation: .relu)
        Dense(2, policy: .float32)
      }
    }
    let input = try Tensor([1, 2, 3, 4], shape: [2, 2], dtype: .float32)
    let output = try model(input)
    try model.save(to: directory.path)
    let loaded = try withPolicy(.float64) { try Model(directory: directory.path, runtime: runtime) }
    #expect(try loaded(input) == output)
    #expect((loaded.layer as? Sequential)?.layers.map(\.policy) == [.mixedFloat16, .float32])
  }

  @Test func whatBecameOfPoliciesInTheModelComesBack() throws {
    let runtime = Runtime.builtinOnly()
    let layers = withPolicy(.float32) {
      [Dense(2, name: "follows"), Dense(1, name: "infers", policy: .infer)] as [any Layer]
    }
    let model = Model(Sequential(layers, policy: .float64, sublayerPolicy: .parent), runtime: runtime)
    let input = try Tensor([1, 2], shape: [1, 2], dtype: .float32)
    let output = try model(input)
    #expect(output.dtype == .float64, "what infers was called with what the layer before computes")
    try model.save(to: directory.path)
    let loaded = try Model(directory: directory.path, runtime: runtime)
    #expect(try loaded.policies == ["": .float64, "follows": .float64, "infers": .float64])
    #expect(try loaded.layers == model.layers)
    #expect(try loaded.layers.map(\.policy.origin) == [.own, .own, .own])
    #expect(try loaded(input) == output)
  }

  @Test func kernelsInInt8ComeBackWithTheirScalesAndRanges() throws {
    let runtime = Runtime.builtinOnly()
    let model = Model(seed: 4, runtime: runtime) {
      Dense(6, activation: .relu, policy: .float32)
      Dense(2, policy: .float32)
    }
    let input = try Tensor([1, 2, 3, 4], shape: [2, 2], dtype: .float32)
    try model.quantize(sample: input)
    try model.calibrate([input])
    let output = try model(input)
    try model.save(to: directory.path)
    let file = try Safetensors.read(directory.appending(path: "model.safetensors").path)
    #expect(file["dense.kernel"]?.type == TensorType(.int8, [2, 6]))
    #expect(file["dense.kernel_scale"]?.type == TensorType(.float32, [6]))
    #expect(file["dense.input_limit"]?.scalars() == [4])
    let loaded = try Model(directory: directory.path, runtime: runtime)
    #expect(try loaded(input) == output)
    #expect(try loaded.policies["dense"]?.name == "int8_from_float32")
    #expect(try loaded.variables.isTrainable("dense.kernel") == false)
  }

  @Test func whatIsFrozenStaysFrozen() throws {
    let model = Model(runtime: .builtinOnly()) {
      Dense(2, policy: .float32)
      Dense(1, policy: .float32)
    }
    try model.build(input: [1, 3])
    try model.freeze("dense")
    try model.save(to: directory.path)
    let loaded = try Model(directory: directory.path, runtime: .builtinOnly())
    #expect(loaded.frozenPaths == ["dense"])
    #expect(try loaded.isTrainable("dense_1.kernel") && !loaded.isTrainable("dense.kernel"))
  }

  /// A graph of layers, with one that is used twice.
  @Test func aFunctionalModelComesBack() throws {
    let (a, b) = (LayerOutput.input("a", shape: [2]), LayerOutput.input("b", shape: [2]))
    let shared = Dense(3, name: "shared", policy: .mixedBFloat16)
    let graph = try Functional(
      inputs: [a, b], outputs: .array([.tensor(shared(a)), .tensor(Add(policy: .float32)(shared(a), shared(b)))]))
    let model = Model(graph, seed: 2, runtime: .builtinOnly())
    let inputs = Arguments(
      Tree.tensor(try Tensor([1, 2], shape: [1, 2], dtype: .float32)),
      .tensor(try Tensor([3, 4], shape: [1, 2], dtype: .float32)))
    let outputs = try model(inputs)
    try model.save(to: directory.path)
    #expect(try Model(directory: directory.path, runtime: .builtinOnly())(inputs).leaves == outputs.leaves)
  }

  @Test func aConfigurationOfTheFirstFormatIsRead() throws {
    let model = Model(Dense(2, policy: .mixedBFloat16), runtime: .builtinOnly())
    let input = try Tensor([1, 2], shape: [1, 2], dtype: .float32)
    let output = try model(input)
    try model.save(to: directory.path)
    let path = directory.appending(path: "config.json")
    let whole = try JSONSerialization.jsonObject(with: Data(contentsOf: path))
    var members = try #require(whole as? [String: Any])
    members["format"] = 1
    members["layers"] = nil
    try JSONSerialization.data(withJSONObject: members).write(to: path)
    #expect(try Model(directory: directory.path, runtime: .builtinOnly())(input) == output)
  }

  @Test func aConfigurationOfALaterFormatIsRefused() throws {
    let model = Model(Dense(1, policy: .float32), runtime: .builtinOnly())
    try model.build(input: [1, 1])
    try model.save(to: directory.path)
    let path = directory.appending(path: "config.json")
    let text = try String(contentsOf: path, encoding: .utf8)
    try text.replacingOccurrences(of: "\"format\" : 2", with: "\"format\" : 3").write(
      to: path, atomically: true, encoding: .utf8)
    #expect(throws: CheckpointError.self) { try Model(directory: directory.path, runtime: .builtinOnly()) }
  }

  @Test func missingAndForeignFilesAreTypedErrors() throws {
    #expect(throws: CheckpointError.self) { try Model(directory: directory.path, runtime: .builtinOnly()) }
    try Data("not json".utf8).write(to: directory.appending(path: "config.json"))
    #expect(throws: CheckpointError.self) { try Model(directory: directory.path, runtime: .builtinOnly()) }
  }

  @Test func weightsThatDoNotFitTheLayersAreATypedErrorAtTheFirstCall() throws {
    let model = Model(Dense(3, policy: .float32), runtime: .builtinOnly())
    try model.build(input: [1, 2])
    try model.save(to: directory.path)
    try Safetensors.write(Variables(), to: directory.appending(path: "model.safetensors").path)
    let loaded = try Model(directory: directory.path, runtime: .builtinOnly())
    #expect(throws: LayerError.self) { try loaded(Tensor([1, 2], shape: [1, 2], dtype: .float32)) }
  }

  /// A process that ends between the two files of a save leaves the new weights beside the old configuration.
  @Test func aSaveIsWholeWhereverItEnds() throws {
    let runtime = Runtime.builtinOnly()
    let input = try Tensor([1, 2], shape: [1, 2], dtype: .float32)
    let configuration = directory.appending(path: "config.json")
    let old = Model(Dense(3, policy: .float32), seed: 1, runtime: runtime)
    _ = try old(input)
    try old.save(to: directory.path)
    let before = try Data(contentsOf: configuration)
    let new = Model(Dense(2, activation: .tanh, policy: .float64), seed: 2, runtime: runtime)
    let output = try new(input)
    new.lossScale = .fixed(8)
    try new.save(to: directory.path)
    #expect(try Model(directory: directory.path, runtime: runtime)(input) == output)
    try before.write(to: configuration)
    let loaded = try Model(directory: directory.path, runtime: runtime)
    #expect(try loaded(input) == output && loaded.lossScale == .fixed(8))
    // The first save of all leaves no configuration yet.
    try FileManager.default.removeItem(at: configuration)
    #expect(try Model(directory: directory.path, runtime: runtime)(input) == output)
    // What somebody changed by hand counts.
    try new.save(to: directory.path)
    let text = try String(contentsOf: configuration, encoding: .utf8)
    #expect(text.contains("tanh"))
    try text.replacingOccurrences(of: "tanh", with: "relu").write(to: configuration, atomically: true, encoding: .utf8)
    #expect(try Model(directory: directory.path, runtime: runtime)(input) != output)
  }
}
