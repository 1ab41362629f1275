import MezzoBackend

/// What a matrix product becomes by its attributes: alpha · product + beta · what the result held before.
struct ProductBlend {
  let alpha, beta: Double
  private let old: [Double]
  private let roundoff: Roundoff

  /// - Parameter old: in row-major order; `nil` where beta is 0, which does not read it.
  init(_ request: OperationRequest, old: [Double]?) {
    func number(_ name: String) -> Double {
      switch request.attribute(name) {
      case .float(let value): value
      case .int(let value): Double(value)
      default: .nan
      }
    }
    (alpha, beta) = (number("alpha"), number("beta"))
    self.old = beta == 0 ? [] : old ?? []
    roundoff = Roundoff(accumulator: request.accumulator)
  }

  /// - Parameters:
  ///   - sums: of `depth` products each.
  ///   - magnitudes: the same sums of absolute values.
  func expectation(_ sums: [Double], _ magnitudes: [Double], depth: Int) -> Expectation {
    let isPlain = alpha == 1 && beta == 0
    // The old content is one term more, and each side of the last addition was multiplied.
    let bound = isPlain ? roundoff.sum(depth) : roundoff.sum(depth + 1) + 2 * roundoff.unit
    var expectation = Expectation(values: [], slack: [])
    for index in sums.indices {
      // With alpha = 0 the operands need not be read.
      var value = alpha == 0 ? 0 : alpha * sums[index]
      var magnitude = alpha == 0 ? 0 : abs(alpha) * magnitudes[index]
      if old.indices.contains(index) {
        value += beta * old[index]
        magnitude += abs(beta * old[index])
      }
      expectation.values.append(value)
      expectation.slack.append(bound * magnitude + roundoff.tiny)
    }
    return expectation
  }
}
