import Foundation
import MezzoConformance
import Testing

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

  @Test func noCaseFails() async throws {
    var run = 0, byDesign = 0
    for report in try await Self.reports.value {
      for result in report.failing {
        guard case .failed(let mismatch, _) = result.verdict else { continue }
        Issue.record("\(result.id): at \(mismatch.path): expected \(mismatch.expected), got \(mismatch.got)")
      }
      let tally = report.tally
      run += tally.passed + tally.failed + tally.differentByDesign
      byDesign += tally.differentByDesign
    }
    #expect(run > Sample.count(500, over: 6))
    #expect(Double(byDesign) < Self.shareByDesign * Double(run), "\(byDesign) of \(run)")
  }

  /// A group that answers nothing would pass above.
  @Test(arguments: [
    "autocast.assign", "autocast.inputs", "autocast.nesting", "autocast.regularizer", "autocast.scope",
    "autocast.sublayer_policy", "autocast.variable_scope", "autocast.variables", "cast", "compile.wrap",
    "device.compat", "global.script", "jmp.policy", "layer.dtypes", "loss.overflow", "lossscale.construct",
    "lossscale.from_config", "lossscale.trace", "numeric.layer", "policy.deserialize", "policy.from_config",
    "policy.get", "policy.map",
    "policy.parse", "policy.quantized", "policy.serialize",
  ])
  func groupIsAnswered(name: String) async throws {
    var report = GoldenReport()
    for part in try await Self.reports.value { report.results += part.results.filter { $0.group == name } }
    #expect(report.tally.unsupported == 0)
    #expect(report.tally.passed > (Sample.isSmall ? 0 : report.tally.differentByDesign))
  }
}
