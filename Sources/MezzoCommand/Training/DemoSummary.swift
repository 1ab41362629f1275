import Mezzo

/// The comparison that `mezzo demo` ends with.
struct DemoSummary {
  private let demo: Demo
  private let results: [Experiment.Result]
  private let style = Style(for: .output)
  private let columns = Console.columns(of: .output)

  init(_ demo: Demo, _ results: [Experiment.Result]) {
    self.demo = demo
    self.results = results
  }

  func print() throws {
    comparison()
    for line in try DigitGallery(demo, results, columns: columns, style: style).lines() { Swift.print(line) }
    for report in results.map(\.report) {
      Swift.print("\n" + style.bold("Who computed what under \(report.policy)"))
      for line in RouteTable(report.routes, columns: columns, style: style).lines() { Swift.print(line) }
    }
  }

  private func comparison() {
    let base = results.first?.report.stepMilliseconds ?? 0
    let header = ["", "test accuracy", "ms/step", "speed", "weights", "copies", "activations", "loss scale"]
    let rows = results.map { result in
      let report = result.report
      let speed = report.stepMilliseconds > 0 ? base / report.stepMilliseconds : 0
      return [
        report.policy, Format.percent(report.testAccuracy.value), Format.fixed(report.stepMilliseconds, 2),
        "\(Format.fixed(speed, 2))×", Format.bytes(report.weightBytes),
        report.memory.castVariables == 0 ? "–" : Format.bytes(report.memory.castVariables),
        Format.bytes(report.memory.activations), Self.lossScale(report),
      ]
    }
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> [String] {
      cells.enumerated().map { $0 == 0 ? $1.padded(to: widths[0]) : $1.paddedLeft(to: widths[$0]) }
    }
    Swift.print("\n" + style.dim(line(header).joined(separator: "  ")))
    for row in rows {
      var cells = line(row)
      cells[0] = style.bold(cells[0])
      cells[1] = style.green(cells[1])
      Swift.print(cells.joined(separator: "  "))
    }
    let note =
      "Weights as stored, their copies in the dtypes that are computed in, activations in a step of \(Demo.batch)."
    for line in note.wrapped(to: columns) { Swift.print(style.dim(line)) }
    for result in results {
      for event in result.report.lossScaleEvents.prefix(4) {
        for line in "\(result.report.policy), \(event.text)".wrapped(to: columns) { Swift.print(style.dim(line)) }
      }
    }
  }

  private static func lossScale(_ report: TrainingReport) -> String {
    guard let scale = report.lossScale.value else { return "–" }
    return "\(Format.scale(scale)), \(report.skippedSteps) skipped"
  }
}
