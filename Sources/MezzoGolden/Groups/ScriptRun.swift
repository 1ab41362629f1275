import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

/// A script that runs: its place, its layers, and what each operation gave.
final class ScriptRun {
  private(set) var results: [ConfigurationValue] = []
  private let testCase: GoldenCase
  private let operations: [ScriptOperation]
  private var next = 0
  private var layers: [String: Model] = [:]

  init(_ testCase: GoldenCase, _ operations: [ScriptOperation]) {
    self.testCase = testCase
    self.operations = operations
  }

  /// Runs operations until a `scope_exit` ends the scope that this call is inside of, or the script ends. Scopes are
  /// bodies of calls, so a script that enters one goes on inside of it.
  func untilExit(depth: Int) async throws {
    while next < operations.count {
      let operation = operations[next]
      next += 1
      switch operation.name {
      case "scope_enter": try await enter(operation, depth: depth)
      case "scope_exit":
        guard depth > 0 else { throw GoldenFormError(expected: "a scope to exit", found: "none") }
        results.append(.ok(nil))
        return
      default: results.append(try await testCase.outcome { try await result(of: operation) })
      }
    }
  }

  private func enter(_ operation: ScriptOperation, depth: Int) async throws {
    do {
      // Keras's scope of none is one of the default.
      try await withPolicy(operation.argument.asString ?? floatx().name) {
        results.append(.ok(nil))
        try await untilExit(depth: depth + 1)
      }
    } catch let error as PolicyError {
      results.append(testCase.outcome(of: error))
    }
  }

  private func result(of operation: ScriptOperation) async throws -> ConfigurationValue {
    let argument = operation.argument.asString
    switch operation.name {
    case "global": return globalPolicy().triple
    case "floatx": return .string(floatx().name)
    case "set": try Self.setGlobal(argument)
    case "set_policy_object": try setGlobalPolicy(DTypePolicy(try named(operation), dialect: Self.dialect))
    case "same_object":
      let policy = try DTypePolicy(try named(operation), dialect: Self.dialect)
      try setGlobalPolicy(policy)
      return .bool(globalPolicy() == policy)
    case "set_floatx": try setFloatx(try named(operation))
    case "v2": PolicyEnvironment.current.usesV2DTypeBehavior = operation.argument.asBool ?? true
    case "clear_session": PolicyEnvironment.current.clearSession()
    case "layer": return try makeLayer(operation).triple
    case "layer_now": return try model(operation).policyNow.triple
    case "call": return .string(try call(operation).name)
    case "thread_global", "thread_layer", "thread_set": return try await inThread(operation)
    default: throw GoldenFormError(expected: "an operation of scripts", found: operation.name)
    }
    return nil
  }

  // MARK: - The state

  private static var dialect: PolicyDialect { PolicyEnvironment.current.dialect }

  private static func setGlobal(_ name: String?) throws {
    if let name { try setGlobalPolicy(name) } else { try setGlobalPolicy(nil as DTypePolicy?) }
  }

  private func named(_ operation: ScriptOperation) throws(GoldenFormError) -> String {
    guard let name = operation.argument.asString else {
      throw GoldenFormError(expected: "a name", found: operation.argument.compact)
    }
    return name
  }

  /// A thread of its own that is in the same environment and in no scope of this task.
  private func inThread(_ operation: ScriptOperation) async throws -> ConfigurationValue {
    let (testCase, environment) = (testCase, PolicyEnvironment.current)
    let (name, argument) = (operation.name, operation.argument.asString)
    return try await Task.detached {
      try withPolicyEnvironment(environment) {
        try testCase.outcome {
          switch name {
          case "thread_global": return .string(globalPolicy().name)
          case "thread_layer": return .string(Dense(1).policy.name)
          default:
            try ScriptRun.setGlobal(argument)
            return nil
          }
        }
      }
    }.value
  }

  // MARK: - Layers

  private func makeLayer(_ operation: ScriptOperation) throws -> DTypePolicy {
    let identifier = operation.argument.asString.map { PolicyIdentifier.name($0) } ?? .none
    let layer = Dense(2, policy: try .get(identifier))
    layers[operation.layer ?? ""] = Model(layer)
    return layer.policy
  }

  private func model(_ operation: ScriptOperation) throws(GoldenFormError) -> Model {
    guard let layer = operation.layer, let model = layers[layer] else {
      throw GoldenFormError(expected: "a layer that was made", found: operation.layer ?? "none")
    }
    return model
  }

  private func call(_ operation: ScriptOperation) throws -> DType {
    try model(operation).dtype(ofCallWith: try DType(golden: try named(operation)))
  }
}
