import Foundation
import Testing

@testable import MezzoGolden

/// Every golden case of the groups that there are, run in full.
@Suite struct GoldenCasesTests {
  /// At most this share of the cases that are run may be different by design.
  private static let shareByDesign = 0.12
  private static let entries = Result {
    Dictionary(grouping: try GoldenCases.entries(), by: \.testCase.group).values
      .flatMap { Sample.every(6, of: $0) }
  }

  /// Run once for all tests, in parts, so that they share the cores.
  private static let reports = Task<[GoldenReport], any Error> {
    let entries = try Self.entries.get()
    let parts = 16
    return await withTaskGroup(of: GoldenReport.self) { group in
      for part in 0..<parts {
        group.addTask {
          await GoldenRunner().run(stride(from: part, to: entries.count, by: parts).map { entries[$0] })
        }
      }
      return await group.reduce(into: [GoldenReport]()) { $0.append($1) }
    }
  }

  private static func results() async throws -> [GoldenReport.Result] {
    try await reports.value.flatMap(\.results)
  }

  /// What PyTorch's operations do under autocast is asked in no place where Mezzo has an answer.
  private static let unansweredGroups: Set<String> = ["torch.autocast_cpu", "torch.autocast_state"]

  @Test func noCaseFails() async throws {
    let report = GoldenReport(try await Self.results())
    for result in report.failing {
      guard case .failed(let mismatch, _) = result.verdict else { continue }
      Issue.record("\(result.id): at \(mismatch.path): expected \(mismatch.expected), got \(mismatch.got)")
    }
    for result in report.results where !Self.unansweredGroups.contains(result.group) {
      if case .unsupported(let gap) = result.verdict { Issue.record("\(result.id): \(gap.name) is not supported") }
    }
    let tally = report.tally
    let run = tally.passed + tally.failed + tally.differentByDesign
    #expect(run > Sample.count(500, over: 6))
  }

  @Test(arguments: ["tf24", "keras3"]) func fewCasesAreDifferentByDesign(system: String) async throws {
    let tally = GoldenReport(try await Self.results().filter { $0.system == system }).tally
    let run = tally.passed + tally.failed + tally.differentByDesign
    // A sample has too few cases for a share of them.
    guard !Sample.isSmall else { return }
    #expect(
      Double(tally.differentByDesign) < Self.shareByDesign * Double(run), "\(tally.differentByDesign) of \(run)")
  }

  /// The groups that are all about policies and scales are answered in full as TensorFlow 2.4 does, or as is stated.
  @Test(arguments: ["policy.", "global.script", "infer.", "lossscale.", "cast", "layer.dtype_arg"])
  func groupsOfTensorFlowAreAnsweredInFull(prefix: String) async throws {
    let tally = GoldenReport(
      try await Self.results().filter { $0.system == "tf24" && $0.group.hasPrefix(prefix) }
    ).tally
    #expect(tally.failed == 0 && tally.unsupported == 0)
    #expect(tally.passed > 0)
  }

  /// A group that answers nothing would pass above. Metrics have cases in ``MutatedExpectationTests``.
  @Test(arguments: GoldenGroups.all.flatMap { $0.names }.filter { $0 != "metric.dtype" })
  func groupIsAnswered(name: String) async throws {
    let tally = GoldenReport(try await Self.results().filter { $0.group == name }).tally
    #expect(tally.unsupported == 0)
    guard !Sample.isSmall else { return }
    #expect(tally.passed + tally.differentByDesign > 0)
    // Of these all that was recorded is what Mezzo does another way.
    #expect(tally.passed > 0 || ["jmp.cast", "jmp.quirk"].contains(name))
  }
}
