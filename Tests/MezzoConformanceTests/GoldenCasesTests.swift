import Foundation
import MezzoConformance
import Testing

/// Every golden case of the groups that there are, run in full.
@Suite struct GoldenCasesTests {
  /// At most this share of the cases that are run may be different by design.
  private static let shareByDesign = 0.12

  @Test func noCaseFails() async throws {
    let report = await GoldenRunner().run(try GoldenCases.entries())
    for result in report.failing {
      guard case .failed(let mismatch, _) = result.verdict else { continue }
      Issue.record("\(result.id): at \(mismatch.path): expected \(mismatch.expected), got \(mismatch.got)")
    }
    let tally = report.tally
    let run = tally.passed + tally.failed + tally.differentByDesign
    #expect(run > 500)
    #expect(Double(tally.differentByDesign) < Self.shareByDesign * Double(run), "\(tally)")
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
    let report = await GoldenRunner().run(try GoldenCases.entries().filter { $0.testCase.group == name })
    #expect(report.tally.unsupported == 0)
    #expect(report.tally.passed > report.tally.differentByDesign)
  }

  @Test func thePageOfDifferencesIsWhatTheCodeSays() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "Docs/Differences.md"), encoding: .utf8)
    #expect(
      page == DifferencesDocument().markdown, "make it anew: mezzo conform differences --markdown > Docs/Differences.md"
    )
  }
}
