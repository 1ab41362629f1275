import Mezzo
import MezzoGolden

/// What became of golden cases, for people.
struct GoldenSummary {
  private let report: GoldenReport
  private let style = Style(for: .output)

  init(_ report: GoldenReport) { self.report = report }

  func print() {
    let columns = Console.columns(of: .output)
    for result in report.failing { show(result) }
    Swift.print(
      TextTable(header: ["group", "system", "passed", "failed", "skipped", "by design", "unsupported"], rows: rows))
    Swift.print()
    for (kind, count) in report.skips {
      for line in "\(Self.cases(count)) skipped: \(kind.reason)".wrapped(to: columns) { Swift.print(line) }
    }
    for (kind, gaps) in Dictionary(grouping: report.gaps, by: \.gap.kind).sorted(by: { $0.key < $1.key }) {
      let total = gaps.reduce(0) { $0 + $1.count }
      let names = gaps.map { "\($0.gap.name) (\($0.count))" }.joined(separator: ", ")
      for line in "\(Self.cases(total)) of \(kind): \(names)".wrapped(to: columns) { Swift.print(line) }
    }
    Swift.print(report.tally.line)
  }

  private func show(_ result: GoldenReport.Result) {
    guard case .failed(let mismatch, let got) = result.verdict else { return }
    Swift.print(style.bold(result.id))
    Swift.print("  expected  \(result.expected.compact)")
    Swift.print("  got       \(got.compact)")
    let place = mismatch.path.isEmpty ? "" : "at \(mismatch.path): "
    Swift.print("  \(style.yellow("because"))   \(place)expected \(mismatch.expected), got \(mismatch.got)\n")
  }

  private var rows: [[String]] {
    report.tallies { [$0.group, $0.system] }.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { key, tally in
      let counts = [tally.passed, tally.failed, tally.skipped, tally.differentByDesign, tally.unsupported]
      return key + counts.map { $0 == 0 ? "–" : "\($0)" }
    }
  }

  private static func cases(_ count: Int) -> String { "\(count) \(count == 1 ? "case" : "cases")" }
}
