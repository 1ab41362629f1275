import Mezzo

/// What `mezzo demo --picture` and `mezzo train --plot` draw: loss over epochs, and bars of accuracy, time and memory, a colour
/// for each policy.
struct TrainingPicture {
  private let reports: [TrainingReport]

  init(_ reports: [TrainingReport]) { self.reports = reports }

  /// Colours that the colour-blind tell apart (Okabe and Ito), a little darker on light sheets.
  private static let css = """
    svg { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
    .sheet { fill: #ffffff; stroke: #d9dde3; }
    .title { fill: #1c2128; font-size: 15px; font-weight: 600; }
    .label { fill: #4b535d; font-size: 12px; }
    .value { fill: #1c2128; font-size: 12px; font-weight: 600; }
    .grid { stroke: #e4e7ec; }
    .curve { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
    .line0 { stroke: #0069a8; } .fill0 { fill: #0069a8; }
    .line1 { stroke: #c35a00; stroke-dasharray: 7 5; } .fill1 { fill: #c35a00; }
    .line2 { stroke: #00805c; stroke-dasharray: 1.5 5; } .fill2 { fill: #00805c; }
    .line3 { stroke: #8a4b78; stroke-dasharray: 9 3 2 3; } .fill3 { fill: #8a4b78; }
    .shade1 { fill-opacity: 0.6; }
    .shade2 { fill-opacity: 0.3; }
    @media (prefers-color-scheme: dark) {
      .sheet { fill: #14181d; stroke: #333a44; }
      .title, .value { fill: #eef1f4; }
      .label { fill: #aab3be; }
      .grid { stroke: #2a3038; }
      .line0 { stroke: #56b4e9; } .fill0 { fill: #56b4e9; }
      .line1 { stroke: #e69f00; } .fill1 { fill: #e69f00; }
      .line2 { stroke: #2fc79a; } .fill2 { fill: #2fc79a; }
      .line3 { stroke: #cc79a7; } .fill3 { fill: #cc79a7; }
    }
    """

  func svg() -> String {
    var picture = SVGDocument(
      width: 960, height: 430,
      title: "Loss, accuracy, time and memory of training under " + reports.map(\.policy).joined(separator: ", "),
      css: Self.css)
    picture.rectangle(x: 0.5, y: 0.5, width: 959, height: 429, radius: 10, class: "sheet")
    curves().draw(in: &picture)
    for chart in bars() { chart.draw(in: &picture) }
    return picture.description
  }

  private func curves() -> LossChart {
    LossChart(
      frame: Frame(x: 28, y: 24, width: 480, height: 382), title: "Training loss, by epoch",
      series: reports.map { report in
        (name: report.policy, points: report.lossCurve.map { (epoch: $0.epoch, loss: $0.loss) })
      })
  }

  private func bars() -> [BarChart] {
    let accuracies = reports.map { $0.testAccuracy.value ?? 0 }
    let accuracy = BarChart(
      frame: Frame(x: 548, y: 24, width: 384, height: 112), title: "Test accuracy",
      rows: zip(reports, accuracies).map { .init(name: $0.policy, parts: [$1], value: Format.percent($1)) })
    let times = reports.map(\.stepMilliseconds)
    let time = BarChart(
      frame: Frame(x: 548, y: 151, width: 384, height: 112), title: "Time of a step (median)",
      rows: zip(reports, times).map { .init(name: $0.policy, parts: [$1], value: Format.milliseconds($1)) })
    let memory = BarChart(
      frame: Frame(x: 548, y: 278, width: 384, height: 112), title: "Memory: weights, copies, activations",
      rows: reports.map { report in
        let parts = [report.weightBytes, report.memory.castVariables, report.memory.activations]
        return .init(name: report.policy, parts: parts.map(Double.init), value: Format.bytes(parts.reduce(0, +)))
      })
    return [accuracy, time, memory]
  }
}

/// A part of the sheet.
struct Frame {
  var x: Double
  var y: Double
  var width: Double
  var height: Double
}
