import MezzoGraph
import MezzoPolicy

/// What layer normalisation over the last axis is stated to be, in plain loops over Doubles.
struct StatedNormalization {
  private var output: [Double] = []
  private var byInput: [Double] = []
  private var byGamma: [Double]
  private var byBeta: [Double]
  /// Whether a square on the way to a variance is infinite in float16.
  private(set) var overflowsHalf = false

  /// Nil for a case of another form.
  ///
  /// - Parameter isInHalf: whether the variance is float16, as in TensorFlow: infinite with any square that is.
  init?(_ testCase: GoldenCase, isInHalf: Bool = false) {
    guard let answer = testCase.expect["ok"],
      let x = (answer["inputs"]?.asArray?.first).flatMap({ try? GoldenTensor.read($0) }),
      let g = answer["cotangent"].flatMap({ try? GoldenTensor.read($0) }), x.shape.count == 2,
      let weights = answer["weights"]?.asArray?.compactMap({ try? GoldenTensor.read($0.member("value")) }),
      weights.count == 2, weights.allSatisfy({ $0.count == x.shape[1] }),
      let input = try? x.cast(to: .float16).scalars(), let cotangent = try? g.cast(to: .float16).scalars()
    else { return nil }
    let (width, gamma, beta) = (x.shape[1], weights[0].scalars(), weights[1].scalars())
    let count = Double(width)
    byGamma = gamma.map { _ in 0 }
    byBeta = byGamma
    for start in stride(from: 0, to: input.count, by: width) {
      let row = input[start..<start + width]
      let mean = row.reduce(0, +) / count
      let overflows = row.contains { ($0 - mean) * ($0 - mean) > 65504 }
      overflowsHalf = overflowsHalf || overflows
      let variance =
        isInHalf && overflows ? .infinity : row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let deviation = (variance + 1e-3).squareRoot()
      let normal = row.map { ($0 - mean) / deviation }
      let weighted = zip(cotangent[start..<start + width], gamma).map { $0 * $1 }
      let average = weighted.reduce(0, +) / count
      let along = zip(weighted, normal).reduce(0) { $0 + $1.0 * $1.1 } / count
      for place in 0..<width {
        output.append(normal[place] * gamma[place] + beta[place])
        byInput.append((weighted[place] - average - normal[place] * along) / deviation)
        byGamma[place] += cotangent[start + place] * normal[place]
        byBeta[place] += cotangent[start + place]
      }
    }
  }

  /// An expectation with these numbers.
  func restated(_ expectation: ConfigurationValue) -> ConfigurationValue {
    func data(_ numbers: [Double]) -> (ConfigurationValue) -> ConfigurationValue {
      { $0.replacing("data") { _ in .array(numbers.map(ConfigurationValue.exactly)) } }
    }
    return expectation.replacing("ok") { answer in
      answer.replacing("outputs") { $0.mapElements(data(output)) }
        .replacing("input_grads") { $0.mapElements(data(byInput)) }
        .replacing("weight_grads") {
          $0.mapElements { gradient in
            gradient.replacing("value", data(gradient["name"] == "gamma" ? byGamma : byBeta))
          }
        }
    }
  }
}
