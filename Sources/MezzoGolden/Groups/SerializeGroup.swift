import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What of policies and weights survives a file that is written under one global policy and read under another.
enum SerializeGroup: GoldenGroup {
  static let names = ["serialize.layer", "serialize.weights"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    try inTemporaryDirectory { directory in
      .ok(
        try testCase.group == "serialize.layer"
          ? layer(testCase, directory) : weights(testCase, directory))
    }
  }

  private static func layer(_ testCase: GoldenCase, _ directory: String) throws -> ConfigurationValue {
    try setGlobalPolicy(try testCase.input.string("save_under"))
    let layer = Dense(2)
    let text = try JSONEncoder().encode(AnyLayer(layer))
    let model = Model { Dense(2) }
    try model.build(input: [1, 3])
    try model.save(to: directory)

    try setGlobalPolicy(try testCase.input.string("load_under"))
    let readLayer = try JSONDecoder().decode(AnyLayer.self, from: text).layer
    let readModel = try Model(directory: directory)
    let variables = try readModel.variables
    return [
      "config_dtype": layer.policy.serialized(in: PolicyEnvironment.current.dialect),
      "layer_policy": .string(readLayer.policy.name),
      "model_policy": .string(readModel.layer.policy.name),
      "model_dense_policy": .name(try readModel.policies["dense"]?.name),
      "saved_weight_dtypes": .array(variables.paths.map { .name(variables[$0]?.dtype.name) }),
    ]
  }

  private static func weights(_ testCase: GoldenCase, _ directory: String) throws -> ConfigurationValue {
    let value = try testCase.input.double("value")
    try setGlobalPolicy(try testCase.input.string("save_under"))
    let saved = Model { Dense(1) }
    try saved.build(input: [1, 1])
    var variables = try saved.variables
    for path in variables.paths {
      guard let old = variables[path] else { continue }
      variables.set(path, try Tensor(old.type) { value })
    }
    try saved.setVariables(variables)
    try saved.saveWeights(to: "\(directory)/weights.safetensors")

    try setGlobalPolicy(try testCase.input.string("load_under"))
    let loaded = Model { Dense(1) }
    try loaded.build(input: [1, 1])
    try loaded.loadWeights(from: "\(directory)/weights.safetensors")
    variables = try loaded.variables
    let tensors = variables.paths.compactMap { variables[$0] }
    return [
      "dtypes": .array(tensors.map { .string($0.dtype.name) }),
      "values": .array(tensors.flatMap(GoldenTensor.elements)),
    ]
  }

  private static func inTemporaryDirectory<R>(_ body: (String) throws -> R) throws -> R {
    let directory = FileManager.default.temporaryDirectory.appending(path: "mezzo-golden-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try body(directory.path)
  }

  static let differences = [
    DesignDifference(
      "A container keeps its policy", systems: ["tf24", "tfkeras", "keras3"],
      cases: "models that are read under another global policy than they were written under",
      behaviour: "The model itself has the policy that it was written with, as its layers have.",
      reason: """
        In Keras a model takes the global policy of the program that reads it, so one that was trained with a loss scale \
        goes on without.
        """,
      theirs: { testCase in
        testCase.input["load_under"].map { policy in
          testCase.expect.replacing("ok") { $0.replacing("model_policy") { _ in policy } }
        }
      }
    ) { testCase in
      guard testCase.group == "serialize.layer", case .object(var members)? = testCase.expect["ok"],
        let policy = testCase.input["save_under"]
      else { return nil }
      members["model_policy"] = policy
      return .ok(.object(members))
    }
  ]
}
