import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// What Keras's layers make of an input that decides their policy.
enum InferLayersGroup: GoldenGroup {
  static let names = ["infer.layers"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let mode = try InferMode(entering: testCase)
    let name = try testCase.input.string("layer")
    guard let layer = layer(name, mode.policy) else { return .unsupported("the layer \(name)") }
    let model = Model(layer)
    let before = model.policyNow
    let output = try model.dtype(ofCallWith: try DType(golden: try testCase.input.string("input")))
    let variables = try model.variables
    let weights = variables.paths.map { ($0, ConfigurationValue.name(variables[$0]?.dtype.name)) }
    return .ok([
      "before": before.triple, "after": model.policyNow.triple, "output": .string(output.name),
      "weights": .object(Dictionary(uniqueKeysWithValues: weights)),
    ])
  }

  /// The kind of the layer need not be named: errors name the layer by its path.
  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] { [testCase.input["input"] ?? nil] }

  private static func layer(_ name: String, _ policy: DTypePolicy?) -> (any Layer)? {
    switch name {
    case "BatchNormalization": BatchNormalization(policy: policy)
    case "Dense": Dense(2, policy: policy)
    case "Dropout": Dropout(0.5, policy: policy)
    case "Embedding": Embedding(inputDim: 4, outputDim: 2, policy: policy)
    case "Flatten": Flatten(policy: policy)
    case "LayerNormalization": LayerNormalization(policy: policy)
    case "Softmax": Softmax(policy: policy)
    default: nil
    }
  }
}
