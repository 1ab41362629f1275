import Mezzo

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A profile on one page that needs nothing from elsewhere: what a run did when, where its time went, and how far each operation
/// is from what the machine can do.
struct ProfilePage {
  private let summary: ProfileSummary
  private let title: String

  init(_ summary: ProfileSummary, title: String) {
    self.summary = summary
    self.title = title
  }

  private static let css = """
    body { font: 14px/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; margin: 2rem auto; max-width: 1120px;
      padding: 0 1rem; color: #1c2128; background: #ffffff; }
    h1 { font-size: 20px; } h2 { font-size: 16px; margin-top: 2rem; }
    svg { width: 100%; height: auto; }
    table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
    th, td { text-align: right; padding: 0.2rem 0.6rem; border-bottom: 1px solid #e4e7ec; }
    th:nth-child(-n+3), td:nth-child(-n+3) { text-align: left; }
    .muted { color: #4b535d; }
    .label { fill: #4b535d; font-size: 12px; } .inside { fill: #ffffff; font-size: 11px; }
    .grid { stroke: #e4e7ec; } .roof { stroke: #1c2128; stroke-width: 1.5; fill: none; }
    .outer { fill: #7b8794; } .kind0 { fill: #0069a8; } .kind1 { fill: #c35a00; } .kind2 { fill: #00805c; }
    .kind3 { fill: #8a4b78; } .kind4 { fill: #8a6d00; } .kind5 { fill: #b0413e; } .kind6 { fill: #4b535d; }
    rect:hover { opacity: 0.7; }
    @media (prefers-color-scheme: dark) {
      body { color: #eef1f4; background: #14181d; } .muted { color: #aab3be; } .label { fill: #aab3be; }
      th, td { border-color: #2a3038; } .grid { stroke: #2a3038; } .roof { stroke: #eef1f4; }
    }
    """

  /// Colours go to the operations that take the most time; the others share one.
  private static let colours = 6

  func html() -> String {
    let ceiling = summary.ceiling
    let peaks = [
      "\(Format.fixed(ceiling.float32 / 1e9, 0)) Gop/s in float32",
      ceiling.bfloat16.value.map { "\(Format.fixed($0 / 1e9, 0)) in bfloat16" },
      ceiling.int8.value.map { "\(Format.fixed($0 / 1e9, 0)) in int8" },
      "\(Format.fixed(ceiling.memory / 1e9, 1)) GB/s from memory",
    ].compactMap { $0 }.joined(separator: ", ")
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>\(SVGDocument.escaped(title))</title>
      <style>
      \(Self.css)
      </style></head><body>
      <h1>\(SVGDocument.escaped(title))</h1>
      <p>Plan \(summary.typical.plan): \(summary.runs.count) runs of \(summary.calls.count) operations, median \
      \(Format.milliseconds(summary.medianMilliseconds)), of which \(Format.milliseconds(summary.betweenMilliseconds)) \
      beside the operations. <span class="muted">This machine on \(ceiling.threads) threads, measured: \(peaks).</span></p>
      <h2>The run of median duration</h2>
      \(timeline())
      <h2>Where the time goes, in a run</h2>
      \(table())
      <h2>Roofline</h2>
      <p class="muted">Each operation by its operations a byte and a second. Above the slope memory is too slow for it; above \
      a level the processor is.</p>
      \(roofline())
      </body></html>

      """
  }

  private func colour(_ operation: String, _ dtype: String, _ backend: String) -> String {
    let place = summary.rows.firstIndex { ($0.operation, $0.dtype, $0.backend) == (operation, dtype, backend) }
    return "kind\(min(place ?? Self.colours, Self.colours))"
  }

  private func timeline() -> String {
    let flames = Flame.layers(summary.calls, of: summary.profile)
    let depth = (flames.map(\.depth).max() ?? 0) + 1
    let (width, row) = (1080.0, 20.0)
    var picture = SVGDocument(
      width: width, height: Double(depth) * row + 24, title: "Operations of a run under their layers", css: "")
    let scale = width / max(summary.typical.duration, 1)
    for flame in flames {
      let (x, span) = ((flame.begin - summary.typical.begin) * scale, (flame.end - flame.begin) * scale)
      var tip = "\(flame.name): \(Format.fixed((flame.end - flame.begin) / 1e3, 1)) µs"
      var kind = "outer"
      if let place = flame.operation {
        let operation = summary.profile.operations[place]
        kind = colour(operation.name, operation.dtype, operation.backend)
        tip +=
          "\n\(operation.layer) \(operation.phase.rawValue)\n\(operation.request)\n\(operation.backend)/\(operation.rule)"
      }
      let y = Double(flame.depth) * row
      picture.rectangle(
        x: x, y: y, width: max(span - 0.5, 0.3), height: row - 2, radius: 1.5, class: kind, tip: tip)
      // A letter is about 6.5 wide.
      if span > Double(flame.name.count) * 6.5 + 8 {
        picture.text(flame.name, x: x + 4, y: y + 13, class: "inside")
      }
    }
    picture.text("0", x: 0, y: Double(depth) * row + 16)
    picture.text(
      Format.milliseconds(summary.typical.duration / 1e6), x: width, y: Double(depth) * row + 16, anchor: .end)
    return picture.description
  }

  private func table() -> String {
    let table = summary.table
    func cells(_ row: [String], _ tag: String) -> String {
      "<tr>" + row.map { "<\(tag)>\(SVGDocument.escaped($0))</\(tag)>" }.joined() + "</tr>"
    }
    return "<table>" + ([cells(table.header, "th")] + table.rows.map { cells($0, "td") }).joined(separator: "\n")
      + "</table>"
  }

  private func roofline() -> String {
    let frame = Frame(x: 70, y: 16, width: 980, height: 330)
    var picture = SVGDocument(width: 1080, height: 390, title: "Roofline", css: "")
    let points = summary.rows.filter { $0.intensity > 0 && $0.operationsPerSecond > 0 }
    let peaks = Set(points.map(\.dtype)).union(["float32"]).map { ($0, summary.ceiling.operations(for: $0)) }
    let highest = peaks.map(\.1).max() ?? 1
    let lowest = min(points.map(\.operationsPerSecond).min() ?? 1e8, highest / 1e3)
    let across = (log10(1.0 / 32), log10(max(points.map(\.intensity).max() ?? 100, 100) * 2))
    let up = (log10(lowest) - 0.2, log10(highest) + 0.2)
    func place(_ intensity: Double, _ rate: Double) -> (x: Double, y: Double) {
      let x = (log10(max(intensity, 1.0 / 32)) - across.0) / (across.1 - across.0)
      let y = (log10(rate) - up.0) / (up.1 - up.0)
      return (frame.x + x * frame.width, frame.y + (1 - y) * frame.height)
    }
    for power in Int(up.0.rounded(.up))...max(Int(up.1.rounded(.down)), Int(up.0.rounded(.up))) {
      let rate = pow(10, Double(power))
      let y = place(1, rate).y
      picture.line(from: (frame.x, y), to: (frame.x + frame.width, y), class: "grid")
      picture.text(
        "\(Format.fixed(rate / 1e9, power < 9 ? 9 - power : 0)) Gop/s", x: frame.x - 6, y: y + 4, anchor: .end)
    }
    var intensity = 0.0625
    while log10(intensity) < across.1 {
      picture.text(
        intensity < 1 ? "1/\(Int(1 / intensity))" : "\(Int(intensity))", x: place(intensity, 1e9).x,
        y: frame.y + frame.height + 18, anchor: .middle)
      intensity *= 4
    }
    picture.text("operations a byte", x: frame.x + frame.width, y: frame.y + frame.height + 36, anchor: .end)
    for (dtype, peak) in peaks.sorted(by: { $0.0 < $1.0 }) {
      let corner = peak / summary.ceiling.memory
      picture.curve(
        [
          place(pow(10, up.0) / summary.ceiling.memory, pow(10, up.0)), place(corner, peak),
          place(pow(10, across.1), peak),
        ],
        class: "roof")
      picture.text(dtype, x: frame.x + frame.width, y: place(corner, peak).y - 5, anchor: .end)
    }
    for point in points {
      let spot = place(point.intensity, point.operationsPerSecond)
      let size = 4 + 14 * point.share.squareRoot()
      picture.rectangle(
        x: spot.x - size / 2, y: spot.y - size / 2, width: size, height: size, radius: size / 2,
        class: colour(point.operation, point.dtype, point.backend),
        tip: "\(point.operation) in \(point.dtype) on \(point.backend)\n\(Format.percent(point.ofRoof)) of the roof, "
          + "\(Format.percent(point.share)) of the run")
      if point.share > 0.03 { picture.text(point.operation, x: spot.x + size / 2 + 4, y: spot.y + 4) }
    }
    return picture.description
  }
}
