import MezzoBackend
import MezzoPolicy

extension Reference {
  static func layerNorm(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> Expectation {
    let (gamma, beta) = (inputs[2], inputs[3])
    let sums = zip(inputs[0], inputs[1]).map { $0 + $1 }
    var expectation = Expectation(values: sums, slack: sums)
    for group in rows(request) {
      let row = NormalRow(group.map { sums[$0] }, request, roundoff)
      for (column, index) in group.enumerated() {
        let scaled = row.normal[column] * gamma[column]
        let y = scaled + beta[column]
        expectation.values[index] = y
        expectation.slack[index] =
          abs(gamma[column]) * row.slack[column]
          + roundoff.unit * (4 * abs(scaled) + abs(beta[column]) + abs(y)) + roundoff.tiny
      }
    }
    return expectation
  }

  static func layerNormGradient(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff
  ) -> [Expectation] {
    let (dy, x, gamma) = (inputs[0], inputs[1], inputs[2])
    let (u, groups) = (roundoff.unit, rows(request))
    var dx = Expectation(values: x, slack: x)
    var columns = gamma.map { _ in (gamma: [Double](), beta: [Double](), slack: [Double]()) }
    for group in groups {
      let row = NormalRow(group.map { x[$0] }, request, roundoff)
      let n = Double(group.count)
      let g = group.enumerated().map { dy[$1] * gamma[$0] }
      let (sum, magnitude) = accurateSum(g)
      let (along, alongMagnitude) = accurateSum(zip(g, row.normal).map { $0 * $1 })
      let mean = request.int("centered") == 1 ? sum / n : 0
      let slope = along / n
      let meanError = roundoff.sum(group.count) * magnitude / n
      let slopeError =
        (roundoff.sum(group.count) * alongMagnitude + zip(g, row.slack).reduce(0) { $0 + abs($1.0 * $1.1) }) / n
      for (column, index) in group.enumerated() {
        let h = row.normal[column]
        dx.values[index] = row.scale * (g[column] - mean - h * slope)
        let terms = abs(g[column]) + abs(mean) + abs(h * slope)
        dx.slack[index] =
          row.scale
          * ((8 * u + row.relative) * terms + meanError + abs(h) * slopeError + abs(slope) * row.slack[column])
          + 4 * roundoff.tiny
        columns[column].gamma.append(dy[index] * h)
        columns[column].beta.append(dy[index])
        columns[column].slack.append(abs(dy[index]) * (row.slack[column] + 2 * u * abs(h)))
      }
    }
    func summed(_ terms: (Int) -> [Double], _ slack: (Int) -> Double) -> Expectation {
      var expectation = Expectation(values: [], slack: [])
      for column in columns.indices {
        let (sum, magnitude) = accurateSum(terms(column))
        expectation.values.append(sum)
        expectation.slack.append(roundoff.sum(groups.count) * magnitude + slack(column) + roundoff.tiny)
      }
      return expectation
    }
    return [
      dx, summed({ columns[$0].gamma }) { columns[$0].slack.reduce(0, +) }, summed({ columns[$0].beta }) { _ in 0 },
    ]
  }

  private static func rows(_ request: OperationRequest) -> [[Int]] {
    let shape = request.inputs[0].shape
    return groups(shape, along: [shape.count - 1])
  }

  /// A row c ∕ √(mean(c²) + ε), and how far an accumulator may be from it.
  private struct NormalRow {
    var normal: [Double] = []
    var slack: [Double] = []
    var scale: Double
    /// The relative error of the scale.
    var relative: Double

    init(_ s: [Double], _ request: OperationRequest, _ roundoff: Roundoff) {
      let (n, u, isCentered) = (Double(s.count), roundoff.unit, request.int("centered") == 1)
      let (sum, magnitude) = accurateSum(s)
      let mean = isCentered ? sum / n : 0
      let meanError = isCentered ? roundoff.sum(s.count) * magnitude / n + 2 * u * abs(mean) : 0
      let centered = s.map { $0 - mean }
      let errors = s.map { meanError + 2 * u * abs($0) }
      let square = accurateSum(centered.map { $0 * $0 }).sum / n
      let squareError =
        roundoff.sum(s.count) * square + meanError * meanError
        + zip(centered, s).reduce(0) { $0 + 4 * u * abs($1.0 * $1.1) } / n
      let variance = square + request.float("epsilon")
      scale = 1 / variance.squareRoot()
      relative = squareError / variance / 2 + 4 * u
      for (c, error) in zip(centered, errors) {
        normal.append(c * scale)
        slack.append(scale * error + abs(c * scale) * relative)
      }
    }
  }
}
