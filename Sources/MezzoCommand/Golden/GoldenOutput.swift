import Mezzo
import MezzoGolden

/// What became of golden cases, for programs.
struct GoldenOutput: Encodable {
  private var passed: Int
  private var failed: Int
  private var skipped: Int
  private var differentByDesign: Int
  private var unsupported: Int
  private var failing: [Failure]
  private var groups: [String: Part]
  private var systems: [String: Part]
  /// Reasons, and how many cases were skipped for each.
  private var skips: [String: Int]
  /// What this version does not have, and how many cases need it.
  private var gaps: [String: Int]

  struct Failure: Encodable {
    var id: String
    var group: String
    var system: String
    var expected: ConfigurationValue
    var got: ConfigurationValue
    /// The first place where the two differ, and how.
    var reason: String
  }

  /// The cases of one group or system.
  struct Part: Encodable {
    var passed: Int
    var failed: Int
    var skipped: Int
    var differentByDesign: Int
    var unsupported: Int
    /// The ids of those that failed.
    var failing: [String]

    init(_ results: [GoldenReport.Result]) {
      let report = GoldenReport(results)
      let tally = report.tally
      passed = tally.passed
      failed = tally.failed
      skipped = tally.skipped
      differentByDesign = tally.differentByDesign
      unsupported = tally.unsupported
      failing = report.failing.map(\.id)
    }
  }

  init(_ report: GoldenReport) {
    let tally = report.tally
    passed = tally.passed
    failed = tally.failed
    skipped = tally.skipped
    differentByDesign = tally.differentByDesign
    unsupported = tally.unsupported
    failing = report.failing.compactMap { result in
      guard case .failed(let mismatch, let got) = result.verdict else { return nil }
      let place = mismatch.path.isEmpty ? "" : "\(mismatch.path): "
      return Failure(
        id: result.id, group: result.group, system: result.system, expected: result.expected, got: got,
        reason: "\(place)expected \(mismatch.expected), got \(mismatch.got)")
    }
    groups = Dictionary(grouping: report.results, by: \.group).mapValues(Part.init)
    systems = Dictionary(grouping: report.results, by: \.system).mapValues(Part.init)
    skips = Dictionary(report.skips.map { ($0.kind.rawValue, $0.count) }) { $0 + $1 }
    gaps = Dictionary(report.gaps.map { ($0.gap.name, $0.count) }) { $0 + $1 }
  }
}
