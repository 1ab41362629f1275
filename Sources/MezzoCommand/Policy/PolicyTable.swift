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
        layer.path.isEmpty ? "(the model)" : layer.path, dtype(layer.computeDType),
        Self.stored(layer) ?? dtype(layer.variableDType), dtype(layer.outputDType), layer.origin, Self.policy(layer),
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

  /// The dtypes of what the layer keeps, if it keeps anything: those of the policy are not always they.
  private static func stored(_ layer: PolicyExplanationReport.Layer) -> String? {
    var dtypes: [String] = []
    for variable in layer.variables where !dtypes.contains(variable.dtype.name) { dtypes.append(variable.dtype.name) }
    return dtypes.isEmpty ? nil : dtypes.joined(separator: ", ")
  }

  private static func policy(_ layer: PolicyExplanationReport.Layer) -> String {
    guard let requested = layer.requested.value, requested != layer.policy else { return layer.policy }
    return "\(layer.policy) (asked for \(requested))"
  }

  private func notes(_ layer: PolicyExplanationReport.Layer) -> [String] {
    let casts = LayerCast.Kind.allCases.flatMap { kind in
      layer.casts.filter { $0.kind == kind }.map { cast in
        switch kind {
        case .input, .output: "\(cast.name) \(cast.from) → \(cast.to)"
        case .variable: "\(cast.name) stored \(cast.from), read \(cast.to)"
        case .operation: "\(cast.name) works in \(cast.to), cast from \(cast.from)"
        case .quantized: "\(cast.name) quantized \(cast.from) → \(cast.to)"
        }
      }
    }
    return (casts.isEmpty ? [] : [casts.joined(separator: "; ")]) + layer.lostConstants
  }

  private var summary: String {
    guard let scaling = report.lossScaling.value else {
      return "Loss scaling: none, since no gradient passes through float16."
    }
    let causes = scaling.causes.map { cause in
      switch cause {
      case .compute: "a layer computes in float16"
      case .operation: "an operation works in float16"
      case .output: "a layer returns float16"
      case .gradient: "gradients are rounded to float16"
      }
    }
    let scale = Format.scale(scaling.initialScale)
    let why = causes.isEmpty ? "a gradient passes through float16" : causes.joined(separator: " and ")
    return "Loss scaling: dynamic from \(scale), since \(why)."
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    guard let last = lastIndex(where: { $0 != " " }) else { return "" }
    return String(self[...last])
  }
}
