import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// What a result has to be: exact values, and how far a backend's arithmetic may be from them before its one rounding.
///
/// The rule is: with `slack` e at an exact value x, the element lies between round(x − e) and round(x + e), where round
/// is to nearest even in the result's dtype. Rounding is monotone, so this holds for every backend whose accumulator is
/// within e, and it fails for one that rounds twice or in another direction; overflow and subnormals need no case of
/// their own. Without slack it demands the correctly rounded value. A NaN is met by any NaN, an infinite x by the same
/// infinity.
struct Expectation {
  var values: [Double]
  /// Absolute; empty where the values are exact.
  var slack: [Double] = []
  /// Whether −0 and 0 differ.
  var keepsSignOfZero = false

  struct Mismatch {
    var index: Int
    var expected: String
    var got: String
    var error: Double
    var tolerance: Double
    var count: Int
  }

  /// The worst element of `got`, `nil` where all are right.
  func check(_ got: [Double], _ dtype: DType) -> Mismatch? {
    let low = rounded(dtype, direction: -1)
    let high = slack.isEmpty ? low : rounded(dtype, direction: 1)
    guard got.count == values.count, low.count == got.count, high.count == got.count else {
      return Mismatch(
        index: 0, expected: "\(values.count) elements", got: "\(got.count)", error: .nan, tolerance: .nan, count: 1)
    }
    var worst: Mismatch?
    var count = 0
    for index in got.indices where !isRight(got[index], low[index], high[index]) {
      count += 1
      let error = abs(got[index] - values[index])
      // An element of the wrong class is worse than any distance.
      let isWorse = worst.map { !($0.error.isNaN) && (error.isNaN || error > $0.error) } ?? true
      guard isWorse else { continue }
      let bounds =
        low[index] == high[index] || low[index].isNaN
        ? low[index].inWords : "\(low[index].inWords) ... \(high[index].inWords)"
      worst = Mismatch(
        index: index, expected: bounds, got: got[index].inWords, error: error,
        tolerance: max(abs(high[index] - values[index]), abs(values[index] - low[index])), count: 0)
    }
    worst?.count = count
    return worst
  }

  private func isRight(_ got: Double, _ low: Double, _ high: Double) -> Bool {
    if low.isNaN || high.isNaN { return got.isNaN }
    if keepsSignOfZero && got == 0 && low == 0 { return got.sign == low.sign }
    return low <= got && got <= high
  }

  private func rounded(_ dtype: DType, direction: Double) -> [Double] {
    var bounds = values
    if !slack.isEmpty {
      for index in values.indices where values[index].isFinite && !slack[index].isNaN {
        bounds[index] += direction * slack[index]
      }
    }
    // A bool is read as its byte.
    let stored = dtype == .bool ? DType.uint8 : dtype
    return (try? Tensor(bounds, shape: [bounds.count], dtype: stored))?.scalars() ?? []
  }
}

/// The unit roundoff of an accumulator, and bounds that are made of it.
///
/// Basic arithmetic is correctly rounded by IEEE 754. For a sum of n terms the first-order bound is n·u·Σ|x|; rounding
/// errors of both signs make it λ·√n·u·Σ|x| with a probability that nothing but a wrong sum misses for λ = 8 (Higham
/// and Mary, *A new approach to probabilistic rounding error analysis*, 2019). The smaller of the two is taken.
struct Roundoff {
  let unit: Double
  /// The least positive value of the accumulator: an absolute error of every operation whose result is subnormal.
  let tiny: Double

  init(accumulator: DType) {
    if accumulator == .float64 {
      // Twice the roundoff of float64: the reference itself computes in it.
      unit = 0x1p-52
      tiny = 2 * Double.leastNonzeroMagnitude
    } else {
      unit = 0x1p-24
      tiny = Double(Float.leastNonzeroMagnitude)
    }
  }

  /// The bound of a sum of `count` terms, in relation to Σ|x|.
  func sum(_ count: Int) -> Double {
    let terms = Double(count)
    return unit * min(terms + 2, 8 * terms.squareRoot() + 2)
  }

  /// What a function of a mathematical library may be off, in units: 8 units in the last place.
  static let function = 16.0
}

extension Double {
  /// A NaN is one, whatever its sign and payload.
  var inWords: String { isNaN ? "nan" : "\(self)" }
}
