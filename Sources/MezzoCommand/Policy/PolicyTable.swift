import Mezzo

/// What policies come to, a row a layer, with what is cast below it.
struct PolicyTable {
  private let report: PolicyExplanationReport
  private let columns: Int
  private let style: Style

  init(_ report: PolicyExplanationReport, columns: Int, style: Style) {
    self.report = report
    self.columns = columns
    self.style = style
  }

  func lines() -> [String] {
    let header = ["layer", "computes", "stores", "returns", "from", "policy"]
    let rows = report.layers.map { layer in
      func dtype(_ dtype: OrNull<String>) -> String { layer.isContainer ? "–" : dtype.value ?? "open" }
      return [
        layer.path.isEmpty ? "(the model)" : layer.path, dtype(layer.computeDType), dtype(layer.variableDType),
        dtype(layer.outputDType), layer.origin,
        layer.policy == layer.requested ? layer.policy : "\(layer.policy) (asked for \(layer.requested))",
      ]
    }
    let widths = header.indices.map { column in
      ([header] + rows).map { $0[column].count }.max() ?? 0
    }
    func line(_ cells: [String]) -> String {
      zip(cells, widths).map { $0.padded(to: $1) }.joined(separator: "  ").trimmingTrailingSpaces
    }
    var lines = [style.dim(line(header))]
    for (layer, row) in zip(report.layers, rows) {
      lines.append(line(row))
      for note in notes(layer) { lines += note.wrapped(to: columns - 4).map { "    " + style.dim($0) } }
    }
    lines.append("")
    return lines + summary.wrapped(to: columns)
  }

  private func notes(_ layer: PolicyExplanationReport.Layer) -> [String] {
    let casts = LayerCast.Kind.allCases.flatMap { kind in
      layer.casts.filter { $0.kind == kind }.map { cast in
        switch kind {
        case .input, .output: "\(cast.name) \(cast.from) → \(cast.to)"
        case .variable: "\(cast.name) stored \(cast.from), read \(cast.to)"
        }
      }
    }
    return (casts.isEmpty ? [] : [casts.joined(separator: "; ")]) + layer.lostConstants
  }

  private var summary: String {
    guard let scaling = report.lossScaling.value else {
      return "Loss scaling: none, since no layer computes in float16."
    }
    let scale = Format.scale(scaling.initialScale)
    return "Loss scaling: dynamic from \(scale), since a layer computes in float16."
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    guard let last = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...last])
  }
}
