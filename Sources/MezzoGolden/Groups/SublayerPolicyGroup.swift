import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Which policy a layer follows that another one makes for itself.
enum SublayerPolicyGroup: GoldenGroup {
  static let names = ["autocast.sublayer_policy"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    try setGlobalPolicy(try testCase.input.string("global"))
    let policy = try DTypePolicy(try testCase.input.string("parent"), dialect: PolicyEnvironment.current.dialect)
    let child = Dense(1)
    let call = try LayerProbe(policy) { try $1.call(child, $0, name: "child") }.trace()
    return .ok([
      "child_policy": .name(call.layers.first { $0.path == "child" }?.policy.name),
      "output": .string(try call.output.dtype.name),
    ])
  }
}
