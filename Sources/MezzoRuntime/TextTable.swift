/// Columns in plain text, each as wide as its widest cell; the last is not padded.
public struct TextTable: CustomStringConvertible {
  public var header: [String]
  public var rows: [[String]]

  public init(header: [String], rows: [[String]]) {
    self.header = header
    self.rows = rows
  }

  public var description: String {
    let widths = header.indices.map { column in
      ([header] + rows).map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      let padded = cells.enumerated().map { column, cell in
        column == cells.count - 1 ? cell : cell + String(repeating: " ", count: max(widths[column] - cell.count, 0))
      }
      return padded.joined(separator: "  ")
    }
    let rule =
      widths.dropLast().map { String(repeating: "─", count: $0) } + [
        String(repeating: "─", count: min(widths.last ?? 0, 60))
      ]
    return ([line(header), rule.joined(separator: "  ")] + rows.map(line)).joined(separator: "\n")
  }
}
