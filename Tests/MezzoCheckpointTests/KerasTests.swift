import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoCheckpoint

/// Models that Keras 3 saved, against what Keras computed with them (`Tools/make_keras_files.py`).
@Suite struct KerasTests {
  private let runtime = Runtime.builtinOnly()

  private func expected(_ name: String) throws -> (inputs: [Tensor], outputs: [Tensor]) {
    let arrays = try NumPyFile.readArchive(try Fixture.path("keras/\(name).npz"))
    return (
      arrays.paths.filter { $0.hasPrefix("x") }.compactMap { arrays[$0] },
      arrays.paths.filter { $0.hasPrefix("y") }.compactMap { arrays[$0] }
    )
  }

  private func check(_ model: Model, _ name: String, tolerance: Double) throws {
    let (inputs, outputs) = try expected(name)
    let found = try model(Arguments(positional: inputs.map { .tensor($0) })).leaves.compactMap { $0 }
    try #require(found.count == outputs.count)
    for (found, expected) in zip(found, outputs) {
      try #require(found.shape == expected.shape)
      let values = expected.scalars()
      let scale = values.reduce(1) { max($0, abs($1)) }
      let distance = zip(found.scalars(), values).reduce(0) { max($0, abs($1.0 - $1.1)) }
      #expect(distance <= tolerance * scale, "\(name) differs by \(distance) of \(scale)")
    }
  }

  @Test func aTrainedModelComputesWhatItDidInKeras() throws {
    let model = try Model.keras(try Fixture.path("keras/mlp.keras"), runtime: runtime)
    try check(model, "mlp", tolerance: 1e-5)
    #expect(try model.layers.filter { !$0.isContainer }.map(\.policy).allSatisfy { $0 == .float32 })
    #expect((model.layer as? Sequential)?.names.first == "dense")
  }

  @Test(arguments: [("images.mixed_bfloat16", 2e-2), ("texts.mixed_float16", 4e-3)])
  func layersKeepThePoliciesOfTheFile(name: String, tolerance: Double) throws {
    let model = try withPolicy(.float64) { try Model.keras(try Fixture.path("keras/\(name).keras"), runtime: runtime) }
    try check(model, name, tolerance: tolerance)
    let policies = try Set(model.layers.filter { !$0.isContainer }.map(\.policy.name))
    #expect(policies == ["float32", String(name.split(separator: ".")[1])])
  }

  @Test(
    arguments: ["images.mixed_bfloat16", "texts.mixed_float16", "signals.float32", "chain.float32"],
    [("float32", 2e-5), ("mixed_bfloat16", 3e-2), ("mixed_float16", 4e-3)])
  func allLayersFollowAPolicyOnRequest(name: String, policy: (name: String, tolerance: Double)) throws {
    let model = try Model.keras(
      try Fixture.path("keras/\(name).keras"), policy: try DTypePolicy(policy.name), runtime: runtime)
    let base = name.split(separator: ".")[0]
    try check(model, "\(base).\(policy.name)", tolerance: policy.tolerance)
  }

  @Test(
    arguments: ["encoder", "branches", "frames", "grouped", "masked", "scored", "words"],
    [("float32", 2e-5), ("mixed_bfloat16", 3e-2), ("mixed_float16", 4e-3)])
  func connectedLayersAndMasks(name: String, policy: (name: String, tolerance: Double)) throws {
    let model = try Model.keras(
      try Fixture.path("keras/\(name).float32.keras"), policy: try DTypePolicy(policy.name), runtime: runtime)
    try check(model, "\(name).\(policy.name)", tolerance: policy.tolerance)
  }

  /// Two calls, of which the second goes on where the first ended.
  @Test func statefulLayersGoOn() throws {
    let model = try Model.keras(try Fixture.path("keras/stateful.keras"), runtime: runtime)
    let (inputs, outputs) = try expected("stateful")
    for (input, expected) in zip(inputs, outputs) {
      for (found, expected) in zip(try model(input).scalars(), expected.scalars()) {
        #expect(abs(found - expected) < 1e-5)
      }
    }
    try model.resetStates()
    for (found, expected) in zip(try model(inputs[0]).scalars(), outputs[0].scalars()) {
      #expect(abs(found - expected) < 1e-5)
    }
    // Weights alone do not move the states.
    try model.loadKerasWeights(from: try Fixture.path("keras/stateful.keras"))
    #expect(try model.variables.paths.filter { $0.contains("state_") }.count == 3)
  }

  @Test func whatKerasFrozeIsFrozen() throws {
    let model = try Model.keras(try Fixture.path("keras/grouped.float32.keras"), runtime: runtime)
    #expect(model.frozenPaths == ["frozen"])
    #expect(try !model.isTrainable("frozen.kernel") && model.isTrainable("last.kernel"))
    #expect(try model.variables.paths.contains { $0.hasPrefix("block.") && $0.hasSuffix(".gamma") })
  }

  @Test func connectionsThatAreNotThereAreNamed() throws {
    let dense = #"{"class_name": "Dense", "name": "d", "config": {"name": "d", "units": 2}, "inbound_nodes": []}"#
    let error = #expect(throws: CheckpointError.self) {
      try Model.keras(try file(dense, class: "Functional"), runtime: runtime)
    }
    #expect(error?.description.contains("expected a name and inbound_nodes for each layer") == true)
  }

  /// The order that is found from the connections alone is the one that Keras wrote.
  @Test(arguments: ["encoder.float32", "branches.float32", "grouped.float32", "chain.float32", "lattice"])
  func layersAreOrderedAsInKeras(name: String) throws {
    let archive = try ZipArchive(try FileBytes(file: try Fixture.path("keras/\(name).keras")))
    let text = try archive.content(try #require(archive.member("config.json")), limit: 1 << 20)
    let architecture = try KerasArchitecture(try JSONReader.parse(text.bytes), policy: nil, path: name)
    #expect(!architecture.orders.isEmpty)
    for (path, order) in architecture.orders {
      let graph = path.split(separator: ".").reduce(architecture.layer as (any Layer)?) { layer, part in
        (layer as? Functional)?.layers.first { $0.name == part }?.layer
      }
      #expect(KerasOrder.members(of: try #require(graph as? Functional)).map(\.name) == order.map(\.name))
    }
  }

  /// Connected likewise, with names of its own.
  @Test func weightsAloneGoToAFunctional() throws {
    let x = LayerOutput.input("x")
    let first = Dense(4, activation: .tanh, policy: .float32)(x)
    let left = Dense(3, policy: .float32)(first)
    let right = Dense(3, policy: .float32)(Dense(3, activation: .relu, policy: .float32)(x))
    let graph = try Functional(
      inputs: [x], outputs: Dense(2, policy: .float32)(Add(policy: .float32)(left, right)), policy: .float32)
    let model = Model(graph, runtime: runtime)
    try model.build(input: [1, 5])
    try model.loadKerasWeights(from: try Fixture.path("keras/lattice.weights.h5"))
    try check(model, "lattice", tolerance: 1e-5)
  }

  @Test func bfloat16WeightsStayWhatTheyAre() throws {
    let model = try Model.keras(try Fixture.path("keras/chain.bfloat16.keras"), runtime: runtime)
    #expect(try model.variables.paths.allSatisfy { try model.variables[$0]?.dtype == .bfloat16 })
    try check(model, "chain.bfloat16", tolerance: 2e-2)
  }

  private func mlp(_ policy: DTypePolicy, units: Int = 5) throws -> Model {
    let model = withPolicy(policy) {
      Model(seed: 3, runtime: runtime) {
        Dense(6, activation: .relu)
        BatchNormalization()
        Dropout(0.25)
        Dense(units)
        LayerNormalization()
        Activation(.gelu)
        Dense(3, activation: .softmax)
      }
    }
    try model.build(input: [1, 8])
    return model
  }

  @Test(arguments: ["mlp.weights.h5", "mlp.keras"], [(DTypePolicy.float32, 1e-5), (.mixedBFloat16, 3e-2)])
  func weightsGoToAModelOfOnesOwn(file: String, policy: (DTypePolicy, Double)) throws {
    let model = try mlp(policy.0)
    try model.loadKerasWeights(from: try Fixture.path("keras/\(file)"))
    try check(model, "mlp", tolerance: policy.1)
    #expect(try !model.variables.isTrainable("batch_normalization.moving_mean"))
  }

  @Test func allThatDoesNotFitIsListed() throws {
    let model = try mlp(.float32, units: 4)
    let before = try model.variables
    let error = #expect(throws: CheckpointError.self) {
      try model.loadKerasWeights(from: try Fixture.path("keras/mlp.weights.h5"))
    }
    guard case .mismatch(_, let problems)? = error else {
      Issue.record("expected a mismatch, found \(String(describing: error))")
      return
    }
    #expect(problems.contains("dense_1.kernel expected float32[6, 4] at layers/dense_1/vars/0, found float32[6, 5]"))
    #expect(problems.count == 5)
    #expect(try model.variables == before)
    let fewer = Model(runtime: runtime) { Dense(6) }
    try fewer.build(input: [1, 8])
    let message = #expect(throws: CheckpointError.self) {
      try fewer.loadKerasWeights(from: try Fixture.path("keras/mlp.weights.h5"))
    }?.description
    #expect(message?.contains("layers/dense_1/vars/0 is float32[6, 5], which no layer asks for") == true)
    #expect(message?.contains("optimizer") == false)
  }

  /// A `.keras` file of a model of one layer with this configuration.
  private func file(_ layer: String, class model: String = "Sequential") throws -> FileBytes {
    let text = """
      {"class_name": "\(model)", "config": {"name": "m", "layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [null, 4], "dtype": "float32", "name": "x"}}, \(layer)]}}
      """
    let folder = try TemporaryFolder()
    let parts = [Array(text.utf8), try Fixture.bytes("keras/mlp.weights.h5")].map { TensorStorage(copying: $0) }
    try withExtendedLifetime(parts) {
      let members = zip(["config.json", "model.weights.h5"], parts).map {
        ZipWriter.Member(name: $0, parts: [UnsafeRawBufferPointer($1.bytes)])
      }
      try ZipWriter.write(members, compressed: true, to: folder.path("m.keras"))
    }
    return FileBytes(copying: [UInt8](try Data(contentsOf: URL(filePath: folder.path("m.keras")))), path: "m.keras")
  }

  @Test(arguments: [
    (#"{"class_name": "Lambda", "config": {"name": "l", "function": "code"}}"#, "layer l (Lambda)"),
    (
      #"{"class_name": "Dense", "config": {"name": "d", "units": 2, "kernel_constraint": {"class_name": "Mine"}}}"#,
      "kernel_constraint expected the constraint MaxNorm, NonNeg, UnitNorm or MinMaxNorm"
    ),
    (
      #"{"class_name": "Dense", "config": {"name": "d", "units": 2.5}}"#,
      "units expected an integer up to 2²⁴, found 2.5"
    ),
    (#"{"class_name": "Dense", "config": {"name": "d"}}"#, "expected units, found none"),
    (#"{"class_name": "Dense", "config": {"units": 2, "activation": "threshold"}}"#, "activation expected"),
    (#"{"class_name": "LSTM", "config": {"units": 3, "time_major": true}}"#, "time_major is true"),
    (#"{"class_name": "Dense", "config": {"units": 2, "dtype": "float31"}}"#, "float31"),
    (
      #"{"class_name": "Bidirectional", "config": {"layer": {"class_name": "Dense", "config": {"units": 1}}}}"#,
      "recurrent"
    ),
    (#"7"#, "expected a class_name and a config"),
  ])
  func layersThatDoNotFitAreNamed(layer: String, problem: String) throws {
    let error = #expect(throws: CheckpointError.self) { try Model.keras(try file(layer), runtime: runtime) }
    guard case .mismatch(_, let problems)? = error else {
      Issue.record("expected a mismatch, found \(String(describing: error))")
      return
    }
    #expect(problems.contains { $0.contains(problem) }, "\(problems)")
  }

  @Test func classesOfOnesOwnAreRefused() throws {
    let dense = #"{"class_name": "Dense", "config": {"units": 2}}"#
    let error = #expect(throws: CheckpointError.self) {
      try Model.keras(try file(dense, class: "MyModel"), runtime: runtime)
    }
    #expect(error?.description.contains("loadKerasWeights(from:)") == true)
    #expect(throws: CheckpointError.self) {
      try Model.keras(try Fixture.path("keras/mlp.weights.h5"), runtime: runtime)
    }
  }
}
