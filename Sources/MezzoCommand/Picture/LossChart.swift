import Mezzo

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Losses over epochs on a logarithmic scale, on which a loss that halves falls by as much everywhere.
struct LossChart {
  var frame: Frame
  var title: String
  var series: [(name: String, values: [Double])]

  private static let margin = (left: 48.0, top: 34.0, bottom: 50.0)

  private var plot: Frame {
    Frame(
      x: frame.x + Self.margin.left, y: frame.y + Self.margin.top, width: frame.width - Self.margin.left,
      height: frame.height - Self.margin.top - Self.margin.bottom)
  }

  func draw(in picture: inout SVGDocument) {
    picture.text(title, x: frame.x, y: frame.y + 12, class: "title")
    let values = series.flatMap(\.values).filter { $0.isFinite && $0 > 0 }
    guard let least = values.min(), let largest = values.max() else { return }
    let epochs = series.map(\.values.count).max() ?? 1
    let range = (low: log10(least) - 0.08, high: log10(largest) + 0.08)

    func place(_ epoch: Int, _ loss: Double) -> (x: Double, y: Double) {
      let across = epochs > 1 ? Double(epoch) / Double(epochs - 1) : 0.5
      let up = (log10(loss) - range.low) / (range.high - range.low)
      return (plot.x + across * plot.width, plot.y + (1 - up) * plot.height)
    }

    for tick in Self.ticks(from: pow(10, range.low), to: pow(10, range.high)) {
      let y = place(0, tick).y
      picture.line(from: (plot.x, y), to: (plot.x + plot.width, y), class: "grid")
      picture.text(Self.label(tick), x: plot.x - 8, y: y + 4, anchor: .end)
    }
    for epoch in Self.epochTicks(epochs) {
      picture.text("\(epoch)", x: place(epoch - 1, least).x, y: plot.y + plot.height + 18, anchor: .middle)
    }
    for (index, line) in series.enumerated() {
      let points = line.values.enumerated().filter { $1.isFinite && $1 > 0 }.map { place($0, $1) }
      picture.curve(points, class: "curve line\(index)")
    }
    legend(in: &picture)
  }

  private func legend(in picture: inout SVGDocument) {
    var x = plot.x
    let y = frame.y + frame.height - 8
    for (index, line) in series.enumerated() {
      picture.line(from: (x, y - 4), to: (x + 26, y - 4), class: "curve line\(index)")
      picture.text(line.name, x: x + 32, y: y)
      x += 32 + Double(line.name.count) * 7.2 + 22
    }
  }

  /// 1, 2 and 5 of each power of ten; the powers alone where that would be many.
  private static func ticks(from low: Double, to high: Double) -> [Double] {
    let powers = Int(log10(low).rounded(.down))...max(Int(log10(high).rounded(.up)), Int(log10(low).rounded(.down)))
    let steps: [Double] = powers.count > 4 ? [1] : [1, 2, 5]
    return powers.flatMap { power in steps.map { $0 * pow(10, Double(power)) } }.filter { (low...high).contains($0) }
  }

  /// `0.02`: a tick has one digit that is not 0.
  private static func label(_ tick: Double) -> String {
    Format.fixed(tick, max(-Int(log10(tick).rounded(.down)), 0))
  }

  private static func epochTicks(_ epochs: Int) -> [Int] {
    let steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000, 100_000]
    let step = steps.first { epochs / $0 <= 8 } ?? epochs
    return [1] + stride(from: step, through: epochs, by: step).filter { $0 > 1 }
  }
}
