import MezzoBackend
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Reference {
  static func reduction(_ request: OperationRequest, _ x: [Double], _ roundoff: Roundoff) -> Expectation {
    let groups = groups(request.inputs[0].shape, along: request.ints("axes"))
    if request.code == .reduceMax { return Expectation(values: groups.map { largest($0.map { x[$0] }) }) }
    var expectation = Expectation(values: [], slack: [])
    for group in groups {
      let divisor = request.code == .reduceMean ? Double(group.count) : 1
      let (sum, magnitude) = accurateSum(group.map { x[$0] })
      expectation.values.append(sum / divisor)
      // Two more roundings: of the division and of its divisor.
      expectation.slack.append((roundoff.sum(group.count) + 2 * roundoff.unit) * magnitude / divisor + roundoff.tiny)
    }
    return expectation
  }

  static func largestIndex(_ request: OperationRequest, _ x: [Double]) -> Expectation {
    let groups = groups(request.inputs[0].shape, along: [request.int("axis")])
    return Expectation(
      values: groups.map { group in
        let values = group.map { x[$0] }
        let best = values.firstIndex(where: \.isNaN) ?? values.firstIndex(of: largest(values)) ?? 0
        return Double(best)
      })
  }

  static func softmax(_ request: OperationRequest, _ x: [Double], _ roundoff: Roundoff) -> Expectation {
    var expectation = Expectation(values: x, slack: x)
    for group in groups(request.inputs[0].shape, along: [request.int("axis")]) {
      let normalizer = Normalizer(group.map { x[$0] }, roundoff)
      for index in group {
        let difference = x[index] - normalizer.maximum
        if request.code == .softmax {
          // The difference is rounded before it becomes an exponent.
          let relative = normalizer.relative + roundoff.unit * (2 * Roundoff.function + min(abs(difference), 1000))
          expectation.values[index] = exp(difference) / normalizer.sum
          expectation.slack[index] = relative * expectation.values[index] + 4 * roundoff.tiny
        } else {
          expectation.values[index] = difference - normalizer.logarithm
          expectation.slack[index] =
            normalizer.slack(x[index], roundoff) + roundoff.unit * abs(expectation.values[index])
        }
      }
    }
    return expectation
  }

  static func softmaxGradient(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff
  ) -> Expectation {
    let (dy, y) = (inputs[0], inputs[1])
    var expectation = Expectation(values: y, slack: y)
    for group in groups(request.inputs[0].shape, along: [request.int("axis")]) {
      let (dot, magnitude) = accurateSum(group.map { dy[$0] * y[$0] })
      let error = roundoff.sum(group.count) * magnitude
      for index in group {
        expectation.values[index] = y[index] * (dy[index] - dot)
        expectation.slack[index] =
          abs(y[index]) * (error + 4 * roundoff.unit * (abs(dy[index]) + abs(dot))) + 4 * roundoff.tiny
      }
    }
    return expectation
  }

  static func crossEntropy(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> Expectation {
    let classes = request.inputs[0].shape[1]
    var expectation = Expectation(values: [], slack: [])
    for (row, label) in inputs[1].enumerated() {
      guard label >= 0, label < Double(classes) else {
        expectation.values.append(.nan)
        expectation.slack.append(0)
        continue
      }
      let logits = Array(inputs[0][(row * classes)..<((row + 1) * classes)])
      let normalizer = Normalizer(logits, roundoff)
      let chosen = logits[Int(label)]
      expectation.values.append(normalizer.maximum - chosen + normalizer.logarithm)
      expectation.slack.append(normalizer.slack(chosen, roundoff))
    }
    return expectation
  }

  static func oneHot(_ request: OperationRequest, _ labels: [Double]) -> Expectation {
    let depth = request.results[0].shape.last ?? 0
    return Expectation(values: labels.flatMap { label in (0..<depth).map { Double($0) == label ? 1 : 0 } })
  }

  /// NaN if there is one; −∞ of nothing.
  static func largest(_ values: [Double]) -> Double {
    values.reduce(-.infinity) { $0.isNaN || $1.isNaN ? .nan : max($0, $1) }
  }

  /// Neumaier's sum, and the sum of the magnitudes.
  static func accurateSum(_ values: [Double]) -> (sum: Double, magnitude: Double) {
    var (sum, lost, magnitude) = (0.0, 0.0, 0.0)
    for value in values {
      let next = sum + value
      lost += abs(sum) >= abs(value) ? (sum - next) + value : (value - next) + sum
      sum = next
      magnitude += abs(value)
    }
    // With an infinity or NaN among the values, what was lost is NaN and says nothing.
    return (lost.isNaN ? sum : sum + lost, magnitude)
  }

  /// For each result, the places of the elements that it is made of.
  static func groups(_ shape: [Int], along axes: [Int]) -> [[Int]] {
    let strides = rowMajorStrides(shape)
    let kept = Operand(
      dtype: .bool, shape: shape.enumerated().map { axes.contains($0.offset) ? 1 : $0.element }, strides: strides)
    let reduced = Operand(
      dtype: .bool, shape: shape.enumerated().map { axes.contains($0.offset) ? $0.element : 1 }, strides: strides)
    let inner = reduced.elementOffsets()
    return kept.elementOffsets().map { outer in inner.map { outer + $0 } }
  }

  /// max(x) and Σ e^(x − max(x)).
  private struct Normalizer {
    var maximum: Double
    var sum: Double
    var logarithm: Double
    /// The relative error of the sum in an accumulator.
    var relative: Double

    init(_ x: [Double], _ roundoff: Roundoff) {
      let maximum = largest(x)
      self.maximum = maximum
      sum = accurateSum(x.map { exp($0 - maximum) }).sum
      logarithm = log(sum)
      relative = roundoff.sum(x.count) + Roundoff.function * roundoff.unit
    }

    /// Of log Σ e^x − x, whichever way it is put together.
    func slack(_ x: Double, _ roundoff: Roundoff) -> Double {
      relative + roundoff.unit * (4 * (abs(maximum) + abs(x)) + Roundoff.function * logarithm) + roundoff.tiny
    }
  }
}
