import Foundation
import MezzoPolicy
import Testing

@testable import MezzoGolden

@Suite struct GoldenRunnerTests {
  /// Answers what its input says.
  private enum Echo: GoldenGroup {
    struct Refusal: Error, CustomStringConvertible { var description: String }

    static let names = ["echo"]

    static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
      switch testCase.input {
      case "python": return .skipped(.pythonType)
      case "lacking": return .unsupported("echoes of that")
      case "throws": throw Refusal(description: "refused float16")
      case "malformed": _ = try testCase.input.member("x")
      case "set": try setGlobalPolicy("mixed_float16")
      default: break
      }
      return .ok(.array([testCase.input, .string(globalPolicy().name)]))
    }

    static let differences = [
      DesignDifference("Fives", systems: ["tf24"], cases: "fives", behaviour: "five", reason: "it is") { testCase in
        testCase.input == 5 ? .ok(.array([5, "float32"])) : nil
      },
      // States something that Mezzo does not do.
      DesignDifference("Sixes", systems: ["tf24"], cases: "sixes", behaviour: "seven", reason: "a test") { testCase in
        testCase.input == 6 ? .ok(.array([7, "float32"])) : nil
      },
      // Knows what the system does.
      DesignDifference(
        "Eights", systems: ["tf24"], cases: "eights", behaviour: "eight", reason: "it is", theirs: { _ in .ok(9) }
      ) { testCase in testCase.input == 8 ? .ok(.array([8, "float32"])) : nil },
    ]
  }

  private func verdict(
    _ input: ConfigurationValue, _ expect: ConfigurationValue, system: String = "tf24", group: String = "echo"
  ) async -> GoldenVerdict {
    let testCase = GoldenCase(group: group, system: system, input: input, expect: expect)
    return await GoldenRunner(groups: [Echo.self]).verdict(testCase)
  }

  private func isFailed(_ verdict: GoldenVerdict) -> Bool {
    if case .failed = verdict { true } else { false }
  }

  @Test func rightAnswersPass() async {
    #expect(await verdict(1, ["ok": .array([1, "float32"])]) == .passed)
    #expect(
      await verdict("throws", ["error": ["type": "ValueError", "message": "no float16 here"]]) == .passed)
  }

  @Test func wrongExpectationsFail() async {
    #expect(isFailed(await verdict(1, ["ok": .array([2, "float32"])])))
    #expect(isFailed(await verdict(1, ["error": ["type": "ValueError", "message": ""]])))
    #expect(isFailed(await verdict("throws", ["ok": nil])))
    #expect(isFailed(await verdict("throws", ["error": ["type": "TypeError", "message": "no float16 here"]])))
    #expect(isFailed(await verdict("throws", ["error": ["type": "ValueError", "message": "no float64 here"]])))
  }

  @Test func caseThatMakesNoSenseFails() async {
    #expect(isFailed(await verdict("malformed", ["error": ["type": "ValueError", "message": ""]])))
  }

  @Test func differencesAreHeldToWhatTheyState() async {
    #expect(await verdict(5, ["ok": 4]) == .differentByDesign("Fives"))
    #expect(await verdict(5, ["ok": .array([5, "float32"])]) == .passed)
    #expect(isFailed(await verdict(6, ["ok": 4])))
    // A difference holds for the systems that it names.
    #expect(isFailed(await verdict(5, ["ok": 4], system: "keras3")))
  }

  @Test func differencesAreNoneWhereTheExpectationIsNotWhatTheSystemDoes() async {
    #expect(await verdict(8, ["ok": 9]) == .differentByDesign("Eights"))
    #expect(isFailed(await verdict(8, ["ok": 10])))
    #expect(isFailed(await verdict(8, ["ok": nil])))
  }

  @Test func linesTellWhatCouldNotBeRun() {
    var tally = GoldenReport.Tally()
    (tally.passed, tally.failed, tally.skipped, tally.differentByDesign) = (3, 0, 1, 2)
    #expect(tally.line == "3 passed, 0 failed, 1 skipped, 2 different by design")
    tally.unsupported = 4
    #expect(tally.line == "3 passed, 0 failed, 1 skipped, 2 different by design, 4 unsupported")
  }

  /// The page for people is what the runner checks.
  @Test func pageOfDifferencesIsUpToDate() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Docs/Differences.md")
    let text = try String(contentsOf: page.standardized, encoding: .utf8)
    #expect(text == DifferencesDocument().markdown, "run `mezzo conform differences --markdown > Docs/Differences.md`")
  }

  @Test func whatIsNotRunIsTold() async {
    #expect(await verdict("python", ["ok": nil]) == .skipped(.pythonType))
    #expect(await verdict(1, ["no_kernel": true]) == .skipped(.anchorFailed))
    #expect(await verdict("lacking", ["ok": nil]) == .unsupported(.feature("echoes of that")))
    #expect(await verdict(1, ["ok": nil], group: "numeric.layer") == .unsupported(.group("numeric.layer")))
    #expect(await verdict(1, ["ok": nil], system: "theano") == .unsupported(.system("theano")))
  }

  @Test func everyCaseBeginsAfresh() async {
    #expect(await verdict("set", ["ok": .array(["set", "mixed_float16"])]) == .passed)
    #expect(await verdict(1, ["ok": .array([1, "float32"])]) == .passed)
    // TensorFlow 1's dtype behaviour.
    #expect(await verdict(1, ["ok": .array([1, "_infer"])], system: "tf24v1") == .passed)
    let outside = PolicyEnvironment()
    await withPolicyEnvironment(outside) {
      _ = await verdict("set", ["ok": nil])
      #expect(globalPolicy() == .float32)
    }
  }

  @Test func reportCountsByGroupAndSystem() async {
    let cases: [(ConfigurationValue, String)] = [
      (1, "tf24"), (2, "tf24"), (5, "tf24"), (1, "keras3"), ("python", "jmp"),
    ]
    let entries = cases.enumerated().map { index, item in
      GoldenFile.Entry(
        id: "\(index)",
        GoldenCase(group: "echo", system: item.1, input: item.0, expect: ["ok": .array([1, "float32"])]))
    }
    var progress: [Int] = []
    let report = await GoldenRunner(groups: [Echo.self]).run(entries) { progress.append($0) }
    #expect(progress == [1, 2, 3, 4, 5])
    #expect(report.failing.map(\.id) == ["1"])
    var tally = GoldenReport.Tally()
    (tally.passed, tally.failed, tally.skipped, tally.differentByDesign) = (2, 1, 1, 1)
    #expect(report.tally == tally)
    (tally.passed, tally.skipped) = (1, 0)
    #expect(report.tallies(by: \.system)["tf24"] == tally)
    #expect(report.tallies(by: \.group).count == 1)
    #expect(report.skips.map(\.kind) == [.pythonType])
  }

  /// Two groups that answer to one name would hide one of them.
  @Test func everyGroupHasItsOwnNamesAndIsSorted() {
    let names = GoldenGroups.all.flatMap { $0.names }
    #expect(Set(names).count == names.count)
    let types = GoldenGroups.all.map { "\($0)" }
    #expect(types == types.sorted())
  }

  @Test func everyDifferenceSaysWhatItIs() {
    for (groups, difference) in GoldenRunner().differences {
      #expect(!groups.isEmpty && !difference.title.isEmpty)
      #expect(!difference.cases.isEmpty && !difference.behaviour.isEmpty && !difference.reason.isEmpty)
      #expect(difference.systems.allSatisfy { GoldenSystem(rawValue: $0) != nil } && !difference.systems.isEmpty)
    }
  }
}
