import MezzoPolicy

/// What Mezzo is stated to do with the global state, as a model of its own: an environment that all threads share, with
/// scopes of the task above it.
///
/// It takes from the expectation what an operation says when it fails, and that it failed.
struct ScriptRules {
  private var explicit: Policy?
  private var floatx = "float32"
  private var usesV2DTypeBehavior = true
  private var scopes: [Policy] = []
  private var layers: [String: Policy] = [:]
  /// Whether the end of a session ends the global policy too, as in Keras 3.
  private let sessionsHoldThePolicy: Bool

  init(_ testCase: GoldenCase) { sessionsHoldThePolicy = testCase.dialect == .keras3 }

  /// A name and the two dtypes that it means.
  private struct Policy {
    var name: String
    var compute: String?
    var variable: String?

    init(_ name: String) {
      self.name = name
      switch name {
      case "_infer": break
      case "mixed_float16": (compute, variable) = ("float16", "float32")
      case "mixed_bfloat16": (compute, variable) = ("bfloat16", "float32")
      default:
        let aliases = ["half": "float16", "float": "float32", "double": "float64", "int": "int64"]
        (compute, variable) = (aliases[name] ?? name, aliases[name] ?? name)
      }
    }

    var outcome: ConfigurationValue { .ok(.array([.name(name), .name(compute), .name(variable)])) }
  }

  private var ofEnvironment: Policy { explicit ?? Policy(usesV2DTypeBehavior ? floatx : "_infer") }
  private var inEffect: Policy { scopes.last ?? ofEnvironment }

  mutating func result(of operation: ScriptOperation, expected: ConfigurationValue) -> ConfigurationValue {
    let unsets = operation.name == "set" && operation.argument == .null && usesV2DTypeBehavior
    if expected["error"] != nil, !unsets { return expected }
    let argument = operation.argument.asString
    switch operation.name {
    case "global": return inEffect.outcome
    case "set", "set_policy_object", "same_object":
      explicit = argument.map(Policy.init)
      return unsets ? .ok(nil) : expected
    case "set_floatx": floatx = argument ?? floatx
    case "v2": usesV2DTypeBehavior = operation.argument.asBool ?? true
    case "clear_session": if sessionsHoldThePolicy { explicit = nil }
    case "scope_enter": scopes.append(Policy(argument ?? floatx))
    case "scope_exit": _ = scopes.popLast()
    case "layer":
      let policy = argument.map(Policy.init) ?? inEffect
      layers[operation.layer ?? ""] = policy
      return policy.outcome
    case "layer_now", "call":
      guard let policy = layers[operation.layer ?? ""], policy.compute != nil else { return expected }
      return operation.name == "call" ? .ok(.name(policy.compute)) : policy.outcome
    case "thread_global", "thread_layer": return .ok(.ok(.name(ofEnvironment.name)))
    case "thread_set": if expected["ok"]?["error"] == nil { explicit = argument.map(Policy.init) }
    default: break
    }
    return expected
  }
}
