import MezzoPolicy
import Testing

@testable import MezzoGolden

/// A runner that takes a wrong expectation for right, or for a difference by design, tells nothing. Here one value of an
/// expectation is changed at a time.
@Suite struct MutatedExpectationTests {
  /// How many values of each case are changed.
  private static let mutants = 2
  /// Texts, which are compared by substance, and what says that the system failed for reasons of its own.
  private static let unread: Set<String> = ["message", "text", "repr", "no_kernel", "op_error"]
  /// Groups whose expectations have a part of the question, which any value may be.
  private static let questions: [String: Set<String>] = [
    "numeric.layer": ["inputs", "weights", "cotangent"], "train.run": ["X", "Y", "W0", "W1"],
  ]

  private struct Mutant {
    let id: String
    let path: [Step]
    let before: GoldenVerdict
    let after: GoldenVerdict
    /// Whether a difference that has no rule for what the system does says something about this value.
    let isTouched: Bool
  }

  private enum Step: Sendable, Hashable, CustomStringConvertible {
    case member(String)
    case element(Int)

    var description: String {
      switch self {
      case .member(let key): key
      case .element(let index): "\(index)"
      }
    }
  }

  @Test func wrongExpectationsAreNeverByDesign() async throws {
    let entries = Sample.every(20, of: try GoldenCases.entries())
    let parts = 16
    let mutants = await withTaskGroup(of: [Mutant].self) { group in
      for part in 0..<parts {
        group.addTask {
          var found: [Mutant] = []
          for place in stride(from: part, to: entries.count, by: parts) {
            found += await Self.mutants(of: entries[place], seed: UInt64(place + 1))
          }
          return found
        }
      }
      return await group.reduce(into: [Mutant]()) { $0 += $1 }
    }
    #expect(mutants.count > Sample.count(1000, over: 25))
    for mutant in mutants {
      let isRight =
        switch mutant.after {
        case .failed: true
        // A changed value may be just what Mezzo does.
        case .passed: mutant.before != .passed
        case .differentByDesign: mutant.before != .passed && mutant.isTouched
        case .skipped, .unsupported: false
        }
      #expect(isRight, "\(mutant.id) at \(mutant.path): \(mutant.before) became \(mutant.after)")
    }
  }

  /// Of metrics the golden cases beside the tests have none.
  @Test(
    arguments: [
      ("tf24", "Mean", "float16", nil, "float16", "float16", "inf", true),
      ("tf24", "Mean", "float16", nil, "float16", "float16", 60000, false),
      ("tf24", "Mean", "float16", nil, "float16", "float32", "inf", false),
      ("tfkeras", "Sum", "bfloat16", nil, "bfloat16", "bfloat16", 119808, true),
      ("tfkeras", "Sum", "bfloat16", nil, "bfloat16", "bfloat16", "inf", false),
      // Nothing differs where variables are stored in float32.
      ("tf24", "Mean", "mixed_float16", nil, "float16", "float16", "inf", false),
      ("keras3", "AUC", "float32", "float64", "float64", "float32", 1, true),
      ("keras3", "AUC", "float32", "float64", "float64", "float32", 0, false),
      ("keras3", "Mean", "float32", "float64", "float64", "float32", 1, false),
    ] as [(String, String, String, String?, String, String, ConfigurationValue, Bool)])
  func metricsDifferWhereTheSystemIsKnownTo(
    system: String, metric: String, global: String, dtype: String?, metricDType: String, state: String,
    result: ConfigurationValue, isByDesign: Bool
  ) async {
    let testCase = GoldenCase(
      group: "metric.dtype", system: system,
      input: ["metric": .string(metric), "global": .string(global), "dtype": .name(dtype)],
      expect: .ok([
        "metric_dtype": .string(metricDType), "state_dtypes": .array([.string(state)]),
        "result_dtype": .string(state), "result": result,
      ]))
    let verdict = await GoldenRunner().verdict(testCase)
    switch verdict {
    case .differentByDesign: #expect(isByDesign)
    case .failed: #expect(!isByDesign)
    default: Issue.record("\(verdict)")
    }
  }

  private static func mutants(of entry: GoldenFile.Entry, seed: UInt64) async -> [Mutant] {
    let testCase = entry.testCase
    let runner = GoldenRunner()
    let before = await runner.verdict(testCase)
    switch before {
    case .passed, .differentByDesign: break
    case .failed, .skipped, .unsupported: return []
    }
    let leaves = paths(in: testCase.expect, skipping: unread.union(questions[testCase.group] ?? []))
    guard !leaves.isEmpty else { return [] }
    var random = Xorshift(state: seed &* 0x9E37_79B9_7F4A_7C15)
    var found: [Mutant] = []
    for _ in 0..<mutants {
      let path = leaves[Int(random.next() % UInt64(leaves.count))]
      let mutated = changed(testCase.expect, at: path[...])
      let after = await runner.verdict(
        GoldenCase(group: testCase.group, system: testCase.system, input: testCase.input, expect: mutated))
      found.append(
        Mutant(
          id: entry.id, path: path, before: before, after: after,
          isTouched: isTouched(path, testCase, before)))
    }
    return found
  }

  private static func isTouched(_ path: [Step], _ testCase: GoldenCase, _ verdict: GoldenVerdict) -> Bool {
    guard case .differentByDesign(let title) = verdict,
      let group = GoldenGroups.all.first(where: { $0.names.contains(testCase.group) }),
      let difference = group.differences.first(where: { $0.title == title }), difference.theirs == nil
    else { return false }
    return value(of: difference.restate(testCase), at: path[...]) != value(of: testCase.expect, at: path[...])
  }

  // MARK: - Values

  private static func paths(in value: ConfigurationValue, skipping: Set<String>) -> [[Step]] {
    switch value {
    case .object(let members):
      members.sorted { $0.key < $1.key }.filter { !skipping.contains($0.key) }.flatMap { key, value in
        paths(in: value, skipping: skipping).map { [.member(key)] + $0 }
      }
    case .array(let elements):
      elements.enumerated().flatMap { index, value in
        paths(in: value, skipping: skipping).map { [.element(index)] + $0 }
      }
    default: [[]]
    }
  }

  private static func value(of whole: ConfigurationValue?, at path: ArraySlice<Step>) -> ConfigurationValue? {
    switch (path.first, whole) {
    case (nil, _): whole
    case (.member(let key)?, .object(let members)?): value(of: members[key], at: path.dropFirst())
    case (.element(let index)?, .array(let elements)?):
      value(of: index < elements.count ? elements[index] : nil, at: path.dropFirst())
    default: nil
    }
  }

  private static func changed(_ value: ConfigurationValue, at path: ArraySlice<Step>) -> ConfigurationValue {
    switch (path.first, value) {
    case (.member(let key)?, .object(var members)):
      members[key] = members[key].map { changed($0, at: path.dropFirst()) }
      return .object(members)
    case (.element(let index)?, .array(var elements)):
      elements[index] = changed(elements[index], at: path.dropFirst())
      return .array(elements)
    case (_, .bool(let value)): return .bool(!value)
    // By more than a double of that size leaves out.
    case (_, .integer(let value)): return .integer(value / 2 + 1 == value ? value + 1 : value / 2 + 1)
    case (_, .number(let value)): return .number(value + value.magnitude + 1)
    case (_, "float32"): return "float16"
    case (_, .string(let value)): return (try? DType(name: value)) != nil ? "float32" : .string("\(value)x")
    default: return "x"
    }
  }
}
