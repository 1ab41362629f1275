import Mezzo
import MezzoConformance

/// A report for people: by level, by rule, then what to do.
struct CheckSummary {
  private let report: ConformanceReport
  private let file: String
  private let lostClaims: [String]
  private let style = Style(for: .output)
  private static let shown = 10

  init(_ report: ConformanceReport, file: String, lostClaims: [String]) {
    self.report = report
    self.file = file
    self.lostClaims = lostClaims
  }

  func print() {
    let columns = Console.columns(of: .output)
    let verdict =
      if !report.failures.isEmpty || !lostClaims.isEmpty {
        style.yellow("does not conform")
      } else if !report.untestedRules.isEmpty {
        style.yellow("not known to conform: no case reaches \(report.untestedRules.count) of its rules")
      } else if report.replays.contains(where: { $0.verdict == .declined }) {
        style.yellow("takes \(report.passed) of \(report.cases) captured operations")
      } else {
        style.green("conforms")
      }
    Swift.print("\(style.bold(report.backend)) \(report.version)  \(verdict)")
    Swift.print("  " + style.dim(file) + "\n")
    if report.replays.isEmpty {
      Swift.print(TextTable(header: ["level", "", "failures", "warnings", ""], rows: levels))
    }
    if !report.rules.isEmpty {
      Swift.print()
      Swift.print(
        TextTable(
          header: ["rule", "operation", "cases", "passed", "declined", "measured", "declared"], rows: rules))
    }
    for rule in report.rules where report.untestedRules.contains(rule.rule) {
      Swift.print()
      let text =
        "No case of the kit reaches the rule \(rule.rule), so nothing is known of it. The closest one: "
        + "\(rule.obstacle ?? ""). Widen its sig or when, or leave it out."
      for line in text.wrapped(to: columns) { Swift.print(line) }
    }
    if !report.otherProcessorsRules.isEmpty {
      Swift.print()
      let text =
        "Not for this processor, and so not tested: \(report.otherProcessorsRules.joined(separator: ", "))."
      for line in text.wrapped(to: columns) { Swift.print(line) }
    }
    replays(columns)
    list("Failures", report.failures, columns)
    list("Warnings", report.warnings, columns)
    if !lostClaims.isEmpty {
      Swift.print("\n" + style.bold("Lost claims"))
      for claim in lostClaims { for line in claim.wrapped(to: columns - 2) { Swift.print("  " + line) } }
    }
  }

  /// Captured operations, with what the backend made of each beside what was captured.
  private func replays(_ columns: Int) {
    for replay in report.replays {
      let verdict = replay.verdict == .right ? style.green("right") : style.yellow(replay.verdict.rawValue)
      Swift.print("\(style.bold(replay.path))  \(verdict)\(replay.rule.map { ", by rule \($0)" } ?? "")")
      for line in replay.request.wrapped(to: columns - 2) { Swift.print("  " + line) }
      let source = replay.source
      let place = source.layer.isEmpty ? "outside any layer" : "in \(source.layer)"
      Swift.print("  " + style.dim("captured \(place), \(source.phase), from \(source.backend)/\(source.rule)"))
      if let reason = replay.reason { for line in reason.wrapped(to: columns - 2) { Swift.print("  " + line) } }
      if replay.stepsLeft > 0 {
        let steps = replay.stepsLeft == 1 ? "the last step" : "the last \(replay.stepsLeft) steps"
        let text = "Its results are those before \(steps) of the epilogue, which it leaves to the host."
        for line in text.wrapped(to: columns - 2) { Swift.print("  " + line) }
      }
      func count(_ wrong: Int?, _ of: Int) -> String {
        wrong.map { $0 == 0 ? "all right" : "\($0) of \(of) wrong" } ?? "–"
      }
      let rows = replay.results.enumerated().flatMap { index, result -> [[String]] in
        var rows = [["\(index)", "\(result.element)", "float64", result.exact, ""]]
        if let got = result.got { rows.append(["", "", report.backend, got, count(result.wrong, result.count)]) }
        if let captured = result.captured {
          let same = result.isSameAsCaptured == true ? ", the same bits" : ""
          rows.append(
            ["", "", "captured, \(source.backend)", captured, count(result.capturedWrong, result.count) + same])
        }
        return rows
      }
      if !rows.isEmpty {
        Swift.print(TextTable(header: ["result", "element", "by", "value", "all elements"], rows: rows))
      }
      Swift.print()
    }
  }

  private var levels: [[String]] {
    ConformanceReport.Level.allCases.map { level in
      func count(_ findings: [ConformanceReport.Finding]) -> String {
        let count = findings.count { $0.level == level }
        return count == 0 ? "–" : "\(count)"
      }
      let note = level == .numerics ? "\(report.cases) cases, \(report.passed) passed, \(report.declined) declined" : ""
      return ["\(level.number)", level.rawValue, count(report.failures), count(report.warnings), note]
    }
  }

  private var rules: [[String]] {
    report.rules.map { rule in
      [
        rule.rule, rule.operation, "\(rule.cases)", "\(rule.passed)", "\(rule.declined)", Self.time(rule.measured),
        Self.time(rule.declared),
      ]
    }
  }

  private static func time(_ nanoseconds: Double?) -> String {
    nanoseconds.map { "\(Format.fixed($0 / 1000, 2)) µs" } ?? "–"
  }

  /// The first of each kind, since one mistake is often found in a hundred cases.
  private func list(_ title: String, _ findings: [ConformanceReport.Finding], _ columns: Int) {
    guard !findings.isEmpty else { return }
    Swift.print("\n" + style.bold(title))
    var kinds: [[String]: Int] = [:]
    var firsts: [(finding: ConformanceReport.Finding, kind: [String])] = []
    for finding in findings {
      // Numbers differ from case to case.
      let kind = [finding.rule, finding.level.rawValue, finding.what.filter { !$0.isNumber }]
      if kinds.updateValue((kinds[kind] ?? 0) + 1, forKey: kind) == nil { firsts.append((finding, kind)) }
    }
    for (finding, kind) in firsts.prefix(Self.shown) {
      let place = [finding.rule, "level \(finding.level.number), \(finding.level.rawValue)"].filter { !$0.isEmpty }
      Swift.print("  " + style.bold(place.joined(separator: ": ")))
      let tolerance = finding.tolerance.map { ", off by \(finding.worstError ?? 0), allowed \($0)" } ?? ""
      let others = (kinds[kind] ?? 1) - 1
      let parts = [
        ("what", finding.what), ("request", finding.request), ("expected", finding.expected),
        ("got", finding.got + tolerance), ("do", finding.advice ?? ""),
        ("also", others > 0 ? "\(others) more like it" : ""),
      ]
      for (name, text) in parts where !text.isEmpty {
        for (index, line) in text.wrapped(to: columns - 14).enumerated() {
          Swift.print("    " + style.dim((index == 0 ? name : "").padded(to: 10)) + line)
        }
      }
    }
    if firsts.count > Self.shown { Swift.print("  and \(firsts.count - Self.shown) other kinds; see --json") }
  }
}

/// What a backend supports, as a table for its README.
struct SupportTable {
  private let report: ConformanceReport

  init(_ report: ConformanceReport) { self.report = report }

  func lines() -> [String] {
    let broken = Set(report.failures.map(\.rule))
    return ["| operation | dtypes | rule | condition | cases |", "|---|---|---|---|---|"]
      + report.rules.flatMap { rule in
        rule.dtypes.sorted { $0.key < $1.key }.map { dtypes, passed in
          let verdict = broken.contains(rule.rule) ? "does not conform" : "\(passed)"
          let condition = rule.condition.map { "`\($0)`" } ?? "always"
          return "| \(rule.operation) | \(dtypes) | `\(rule.rule)` | \(condition) | \(verdict) |"
        }
      }
  }
}
