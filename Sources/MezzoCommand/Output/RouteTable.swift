import Mezzo

/// Routes as a table that fits the terminal: one part a phase, reasons below their rows.
struct RouteTable {
  private struct Row {
    var layers: [String]
    var operation: String
    var dtypes: String
    var backend: String
    var reasons: [String]
    var count: Int

    var key: [String] { [operation, dtypes, backend] + reasons }
  }

  private let routes: [RouteReport]
  private let columns: Int
  private let style: Style

  init(_ routes: [RouteReport], columns: Int, style: Style) {
    self.routes = routes
    self.columns = columns
    self.style = style
  }

  func lines() -> [String] {
    let phases: [Graph.Phase] = [.forward, .backward, .update]
    let parts = phases.map { phase in (phase, rows(routes.filter { $0.phase == phase })) }
    let all = parts.flatMap(\.1)
    let header = ["layer", "operation", "dtypes", "backend/rule"]
    let widths = header.indices.map { column in
      max(header[column].count, all.map { cells($0)[column].map(\.count).max() ?? 0 }.max() ?? 0)
    }
    var lines = [style.dim("  " + line(header, widths))]
    for (phase, rows) in parts where !rows.isEmpty {
      lines.append(style.bold(phase.rawValue))
      for row in rows { lines += self.lines(row, widths) }
    }
    let note = "Rows without a reason: no other backend offers the operation, and nothing is converted for it."
    return lines + note.wrapped(to: columns).map(style.dim)
  }

  /// Rows that only their layer tells apart are one.
  private func rows(_ routes: [RouteReport]) -> [Row] {
    var rows: [Row] = []
    var places: [[String]: Int] = [:]
    for route in routes {
      let row = Row(
        layers: [route.layer.isEmpty ? "–" : route.layer], operation: route.operation,
        dtypes: Self.compact(route.dtypes), backend: "\(route.backend)/\(route.rule)",
        reasons: Self.casts(route.casts) + (route.isPacked ? ["weights packed once"] : []) + route.reasons,
        count: route.count)
      if let place = places[row.key] {
        if !rows[place].layers.contains(row.layers[0]) { rows[place].layers += row.layers }
        rows[place].count += row.count
      } else {
        places[row.key] = rows.count
        rows.append(row)
      }
    }
    return rows
  }

  private func cells(_ row: Row) -> [[String]] {
    [
      row.layers.joined(separator: ", ").wrapped(to: 18),
      (row.count > 1 ? "\(row.operation) ×\(row.count)" : row.operation).wrapped(to: 22), row.dtypes.wrapped(to: 22),
      [row.backend],
    ]
  }

  private func lines(_ row: Row, _ widths: [Int]) -> [String] {
    let cells = cells(row)
    let height = cells.map(\.count).max() ?? 1
    var lines = (0..<height).map { index in
      "  " + line(cells.map { $0.indices.contains(index) ? $0[index] : "" }, widths)
    }
    let indent = String(repeating: " ", count: min(widths[0] + 4, 16))
    let reasons = row.reasons.joined(separator: "; ").wrapped(to: columns - indent.count)
    lines += reasons.map { indent + style.dim($0) }
    return lines
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    let filled = cells.lastIndex { !$0.isEmpty } ?? 0
    return cells[...filled].enumerated().map { $0 == filled ? $1 : $1.padded(to: widths[$0]) }.joined(separator: "  ")
  }

  /// `float32, float32, bool -> float32` as `float32 ×2, bool → float32`.
  static func compact(_ dtypes: String) -> String {
    func side(_ text: Substring) -> String {
      var runs: [(name: String, count: Int)] = []
      for name in text.split(separator: ",").map({ $0.trimmingPrefix(" ") }) {
        let name = String(name.prefix { $0 != " " })
        if runs.last?.name == name { runs[runs.count - 1].count += 1 } else { runs.append((name, 1)) }
      }
      // A no-break space keeps the count beside its dtype.
      return runs.map { $0.count > 1 ? "\($0.name)\u{A0}×\($0.count)" : $0.name }.joined(separator: ", ")
    }
    let sides = dtypes.split(separator: " -> ", maxSplits: 1)
    return sides.count == 2 ? "\(side(sides[0])) → \(side(sides[1]))" : dtypes
  }

  /// `operand 0 …` and `operand 1 …` of the same conversion as `operands 0, 1 …`.
  static func casts(_ casts: [String]) -> [String] {
    var groups: [(operands: [String], text: String)] = []
    for cast in casts {
      let words = cast.split(separator: " ", maxSplits: 2).map(String.init)
      guard words.count == 3, words[0] == "operand" else {
        groups.append(([], cast))
        continue
      }
      if let place = groups.firstIndex(where: { !$0.operands.isEmpty && $0.text == words[2] }) {
        groups[place].operands.append(words[1])
      } else {
        groups.append(([words[1]], words[2]))
      }
    }
    return groups.map { group in
      if group.operands.isEmpty { return group.text }
      let noun = group.operands.count > 1 ? "operands" : "operand"
      return "\(noun) \(group.operands.joined(separator: ", ")) \(group.text)"
    }
  }
}
