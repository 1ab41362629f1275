import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// Programs that set and read the global state.
enum GlobalScriptGroup: GoldenGroup {
  static let names = ["global.script"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let operations = try testCase.input.array("ops").map(ScriptOperation.init)
    if operations.contains(where: \.hasPythonArgument) { return .skipped(.pythonType) }
    let run = ScriptRun(testCase, operations)
    try await run.untilExit(depth: 0)
    return .outcome(["results": .array(run.results)])
  }

  /// An operation's own name and the names of layers are no part of what an error is about.
  static func subjects(of testCase: GoldenCase) -> [ConfigurationValue] {
    (testCase.input["ops"]?.asArray ?? []).compactMap { try? ScriptOperation($0).argument }
  }

  static let differences = [
    DesignDifference(
      "Threads share the global policy", systems: ["keras3"],
      cases: "scripts that read or set the global policy in another thread",
      behaviour: """
        The global policy belongs to the environment, by default the process. Every thread sees what any of them set, as in \
        TensorFlow 2.4.
        """,
      reason: """
        Swift's tasks move between threads, so a value that belongs to a thread is there or not there by chance. \
        What is meant for one task is said with withPolicy.
        """,
      theirs: theirs
    ) { testCase in
      restated(testCase) { $0.contains { $0.name.hasPrefix("thread_") } }
    },
    DesignDifference(
      "Reading the default does not fix it", systems: ["keras3"],
      cases: "scripts that read the global policy, or make a layer, before they change floatx",
      behaviour: "As long as no global policy is set, floatx implies it, also after it was read; as in TensorFlow 2.4.",
      reason: "A read that changes what later reads give makes the order of unrelated calls matter.",
      theirs: theirs
    ) { testCase in
      restated(testCase) { operations in
        !operations.contains { $0.name.hasPrefix("thread_") } && operations.contains { $0.name == "set_floatx" }
      }
    },
    DesignDifference(
      "Nil unsets the global policy", systems: ["keras3"],
      cases: "scripts that set the global policy to none, which Keras 3 refuses",
      behaviour: "The global policy is unset and floatx implies it again, as in TensorFlow 2.4.",
      reason: "Without it there is no way back to the default but naming it.",
      theirs: theirs
    ) { testCase in
      restated(testCase) { $0.contains { $0.name == "set" && $0.argument == .null } }
    },
    DesignDifference(
      "Scopes belong to a task", systems: ["tf24", "tf24v1", "tfkeras"],
      cases: "scripts that set the global policy inside a scope, or look at a scope from another thread",
      behaviour: """
        A scope holds for its task and the tasks below it. It shadows the global policy: setting that inside takes effect \
        outside of the scope and stays. Threads outside of the task see the global policy.
        """,
      reason: """
        TensorFlow's scope sets the policy of the whole process and restores it, so scopes in two threads overwrite each \
        other.
        """,
      theirs: theirs
    ) { testCase in
      restated(testCase) { $0.contains { $0.name == "scope_enter" } }
    },
  ]

  private static func restated(
    _ testCase: GoldenCase, where applies: ([ScriptOperation]) -> Bool
  ) -> ConfigurationValue? {
    guard let operations = try? testCase.input.array("ops").map(ScriptOperation.init), applies(operations),
      let results = try? testCase.expect.array("results"), results.count == operations.count
    else { return nil }
    var rules = ScriptRules(testCase)
    return ["results": .array(zip(operations, results).map { rules.result(of: $0, expected: $1) })]
  }

  private static let theirs: @Sendable (GoldenCase) -> ConfigurationValue? = { testCase in
    guard let operations = try? testCase.input.array("ops").map(ScriptOperation.init),
      let results = try? testCase.expect.array("results"), results.count == operations.count
    else { return nil }
    var rules = SystemScriptRules(testCase)
    return ["results": .array(zip(operations, results).map { rules.result(of: $0, expected: $1) })]
  }
}

/// One line of a script: `["layer", "a", "float16"]`.
struct ScriptOperation {
  let name: String
  /// The layer that it is about, if any.
  let layer: String?
  /// A name, or null.
  let argument: ConfigurationValue

  init(_ value: ConfigurationValue) throws(GoldenFormError) {
    guard let parts = value.asArray, let name = parts.first?.asString else {
      throw GoldenFormError(expected: "an operation such as [\"set\", \"float16\"]", found: value.compact)
    }
    self.name = name
    let isOnLayer = ["layer", "layer_now", "call"].contains(name)
    layer = isOnLayer ? parts.dropFirst().first?.asString : nil
    guard isOnLayer == (layer != nil) else {
      throw GoldenFormError(expected: "the name of a layer", found: value.compact)
    }
    argument = parts.dropFirst(isOnLayer ? 2 : 1).first ?? .null
  }

  /// Whether the argument is one that Swift's compiler refuses here.
  var hasPythonArgument: Bool {
    switch (name, argument) {
    case ("v2", .bool), (_, .string): false
    case ("set_floatx", .null): true
    case (_, .null): false
    default: true
    }
  }
}
