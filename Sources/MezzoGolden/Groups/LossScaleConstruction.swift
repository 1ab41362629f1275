import MezzoPolicy

/// A call of the constructor, as the names of cases describe it: `dynamic_false_growth`, `scale_string`.
struct LossScaleConstruction {
  private(set) var members: [String: ConfigurationValue] = [:]
  private(set) var wrapsNoOptimizer = false
  private(set) var wrapsAnother = false
  private(set) var wrapsOneTwice = false

  /// Nil for a name that says nothing known.
  init?(_ name: String, in system: String) {
    let words = Set(name.split(separator: "_").map(String.init))
    if words.isSuperset(of: ["wrap", "twice"]) {
      wrapsOneTwice = true
    } else if !words.isDisjoint(with: ["nested", "nest", "wrap"]) {
      wrapsAnother = true
    } else if !words.isDisjoint(with: ["inner", "optimizer"]) {
      wrapsNoOptimizer = true
    } else if words.contains("dynamic") {
      guard let members = Self.members(dynamic: words, in: system) else { return nil }
      self.members = members
    } else if words.contains("growth") {
      guard let value = Self.value(words, integer: true) else { return nil }
      members["dynamic_growth_steps"] = value
    } else if words.contains("scale") {
      guard let value = Self.value(words, integer: false) else { return nil }
      members["initial_scale"] = value
    } else if words.isDisjoint(with: ["default", "defaults"]) {
      return nil
    }
  }

  private static func members(dynamic words: Set<String>, in system: String) -> [String: ConfigurationValue]? {
    if words.contains("positional") {
      // The second argument of the constructor: `dynamic`, which Keras 3 does not have.
      return [system == "keras3" ? "initial_scale" : "dynamic": .number(128)]
    }
    if words.contains("false") {
      var members: [String: ConfigurationValue] = ["dynamic": false]
      if words.contains("growth") { members["dynamic_growth_steps"] = 3 }
      if !words.contains("no") { members["initial_scale"] = 4 }
      return members
    }
    if words.contains("true") { return ["dynamic": true] }
    if words.contains("none") { return ["dynamic": nil] }
    if !words.isDisjoint(with: ["string", "str"]) { return ["dynamic": "dynamic"] }
    if !words.isDisjoint(with: ["int", "one", "1", "number"]) { return ["dynamic": 1] }
    return nil
  }

  private static func value(_ words: Set<String>, integer: Bool) -> ConfigurationValue? {
    let values: [(String, ConfigurationValue)] = [
      ("zero", 0), ("one", 1), ("negative", integer ? -1 : .number(-2)), ("neg", integer ? -1 : .number(-2)),
      ("inf", .number(.infinity)), ("nan", .number(.nan)), ("string", "8"), ("str", "8"), ("int", 8),
      ("float", .number(integer ? 2.7 : 8)), ("none", .null),
    ]
    return values.first { words.contains($0.0) }?.1
  }
}
