import Mezzo

/// What a backend does not take and why, as a page.
struct WhyNotText {
  var report: WhyNot
  var columns: Int
  var style: Style

  func lines() -> [String] {
    if let refusal = report.refusal {
      return "\(style.bold(report.backend)) takes no part at all: \(refusal)".wrapped(to: columns)
    }
    let share = report.all.nanoseconds > 0 ? report.taken.nanoseconds / report.all.nanoseconds : 0
    var lines = [
      "\(style.bold(report.backend)) takes \(report.taken.count) of \(report.all.count) operations, "
        + "\(Router.duration(report.taken.nanoseconds)) of \(Router.duration(report.all.nanoseconds)) estimated "
        + "(\(Format.percent(share)))"
    ]
    for group in report.groups where group.reason != "operation" { lines += [""] + self.lines(group) }
    let others = report.groups.filter { $0.reason == "operation" }
    if !others.isEmpty {
      let names = Set(others.flatMap(\.operations).map { String($0.operation.prefix { $0 != "+" }) }).sorted()
      let total = others.reduce(0) { $0 + $1.share.nanoseconds }
      let count = others.reduce(0) { $0 + $1.share.count }
      lines += ["", head("not offered", count, total)]
      lines += names.joined(separator: ", ").wrapped(to: columns - 2).map { "  " + style.dim($0) }
    }
    return lines
  }

  private func lines(_ group: WhyNot.Group) -> [String] {
    var lines = [head(group.reason, group.share.count, group.share.nanoseconds)]
    lines += group.why.wrapped(to: columns - 2).map { "  \($0)" }
    if let hint = group.hint { lines += "fix: \(hint)".wrapped(to: columns - 2).map { "  " + style.cyan($0) } }
    for operation in group.operations {
      let count = operation.share.count > 1 ? " ×\(operation.share.count)" : ""
      let text =
        "\(operation.operation)\(count) \(RouteTable.compact(operation.dtypes)) of "
        + "\(operation.layers.joined(separator: ", ")), by \(operation.by), \(Router.duration(operation.share.nanoseconds))"
      lines += text.wrapped(to: columns - 4).enumerated().map { "    " + ($0 == 0 ? "" : "  ") + $1 }
    }
    return lines
  }

  private func head(_ reason: String, _ count: Int, _ nanoseconds: Double) -> String {
    "\(style.yellow(reason)) · \(count) \(count == 1 ? "operation" : "operations") · "
      + "\(Router.duration(nanoseconds)) estimated"
  }
}
