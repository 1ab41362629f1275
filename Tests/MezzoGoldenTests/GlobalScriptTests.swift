import MezzoPolicy
import Testing

@testable import MezzoGolden

/// The global state against the model of its stated rules, over scripts that no system was asked.
@Suite struct GlobalScriptTests {
  private static let policies = [
    "float16", "bfloat16", "float32", "float64", "mixed_float16", "mixed_bfloat16", "half",
  ]

  /// A script without errors; scopes are entered and left in pairs, or left open at the end.
  private static func script(_ random: inout Xorshift) -> [ConfigurationValue] {
    var depth = 0
    var layers = 0
    var operations: [[ConfigurationValue]] = []
    for _ in 0..<2 + random.next() % 12 {
      let policy = ConfigurationValue.string(policies[Int(random.next() % UInt64(policies.count))])
      switch random.next() % 12 {
      case 0: operations.append(["set", policy])
      case 1: operations.append(["set", nil])
      case 2: operations.append(["set_policy_object", policy])
      case 3: operations.append(["set_floatx", .string(["float16", "float32", "float64"][Int(random.next() % 3)])])
      case 4:
        operations.append(["scope_enter", random.next() % 4 == 0 ? nil : policy])
        depth += 1
      case 5 where depth > 0:
        operations.append(["scope_exit"])
        depth -= 1
      case 6:
        operations.append(["layer", .string("l\(layers)"), nil])
        layers += 1
      case 7 where layers > 0: operations.append(["layer_now", .string("l\(random.next() % UInt64(layers))")])
      case 8 where layers > 0: operations.append(["call", .string("l\(random.next() % UInt64(layers))"), "float32"])
      case 9: operations.append([["thread_global", "thread_layer"][Int(random.next() % 2)]])
      case 10: operations.append(["thread_set", policy])
      default: operations.append(["global"])
      }
    }
    return operations.map { .array($0) }
  }

  @Test(arguments: ["tf24", "tfkeras", "keras3"]) func scriptsFollowTheStatedRules(system: String) async throws {
    var random = Xorshift(state: 0xC0FFEE)
    for _ in 0..<30 {
      var operations = Self.script(&random)
      // Keras 3 has no such alias.
      if system == "keras3" { operations.removeAll { $0.compact.contains("half") || $0.compact.contains("scope") } }
      let testCase = GoldenCase(
        group: "global.script", system: system, input: ["ops": .array(operations)], expect: nil)
      var rules = ScriptRules(testCase)
      let expected = try operations.map { operation in
        let isInThread = operation.compact.contains("thread_set")
        return rules.result(of: try ScriptOperation(operation), expected: .ok(isInThread ? .ok(nil) : nil))
      }
      let environment = PolicyEnvironment(dialect: testCase.dialect ?? .mezzo)
      let answer = try await withPolicyEnvironment(environment) { try await GlobalScriptGroup.answer(testCase) }
      guard case .outcome(let got) = answer else {
        Issue.record("not run: \(testCase.input.compact)")
        continue
      }
      let mismatch = GoldenComparison().mismatch(expected: ["results": .array(expected)], got: got)
      #expect(mismatch == nil, "\(testCase.input.compact): \(mismatch.map { "\($0)" } ?? "")")
    }
  }

  /// The model itself, where TensorFlow did the same: what the golden cases say of scripts in which nothing differs.
  @Test func rulesAreThoseOfTensorFlow() throws {
    var count = 0
    for entry in try GoldenCases.entries() where entry.testCase.group == "global.script" {
      let testCase = entry.testCase
      let operations = try testCase.input.array("ops").map(ScriptOperation.init)
      guard testCase.system == "tf24", !operations.contains(where: { $0.name.hasPrefix("scope") }) else { continue }
      var rules = ScriptRules(testCase)
      let results = zip(operations, try testCase.expect.array("results")).map { rules.result(of: $0, expected: $1) }
      let mismatch = GoldenComparison().mismatch(expected: testCase.expect, got: ["results": .array(results)])
      #expect(mismatch == nil, "\(entry.id)")
      count += 1
    }
    #expect(count > 40)
  }
}
