import MezzoBackend
import MezzoGraph
import MezzoPolicy

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Reference {
  static func product(
    _ request: OperationRequest, _ inputs: [[Double]], _ old: [Double]?, _ roundoff: Roundoff
  ) -> Expectation {
    let shape = request.inputs[0].shape
    let (rows, depth) = (shape[shape.count - 2], shape[shape.count - 1])
    let columns = request.inputs[1].shape[shape.count - 1]
    let batches = shape.dropLast(2).reduce(1, *)
    var (sums, magnitudes) = ([Double](), [Double]())
    inputs[0].withUnsafeBufferPointer { a in
      inputs[1].withUnsafeBufferPointer { b in
        for batch in 0..<batches {
          for row in 0..<rows {
            for column in 0..<columns {
              var (sum, magnitude) = (0.0, 0.0)
              for k in 0..<depth {
                let term = a[(batch * rows + row) * depth + k] * b[(batch * depth + k) * columns + column]
                sum += term
                magnitude += abs(term)
              }
              sums.append(sum)
              magnitudes.append(magnitude)
            }
          }
        }
      }
    }
    var expectation = ProductBlend(request, old: old).expectation(sums, magnitudes, depth: depth)
    apply(request, inputs, roundoff, to: &expectation)
    return expectation
  }

  private static func rounded(_ value: Double, to dtype: DType) -> Double {
    (try? Tensor([value], shape: [1], dtype: dtype).scalars().first) ?? .nan
  }

  /// Epilogue steps carry the slack of their operand on, by the greatest slope of their function, and add their own.
  static func apply(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff, to expectation: inout Expectation
  ) {
    guard !request.epilogue.isEmpty else { return }
    let columns = request.results[0].shape.last ?? 1
    if expectation.slack.isEmpty { expectation.slack = expectation.values.map { _ in 0 } }
    for step in request.epilogue {
      for index in expectation.values.indices {
        let x = expectation.values[index]
        var own = Roundoff.function * roundoff.unit
        var slope = 1.0
        switch step {
        case .bias(let operand):
          let bias = inputs[operand][index % columns]
          expectation.values[index] = x + bias
          own = roundoff.unit * (abs(x) + abs(bias))
        case .relu:
          expectation.values[index] = x > 0 || x.isNaN ? x : 0
          own = 0
        case .gelu(let approximate):
          expectation.values[index] = gelu(approximate: approximate)(x)
          own *= abs(x)
          slope = 1.13
        case .sigmoid:
          expectation.values[index] = sigmoid(x)
          slope = 0.25
        case .tanh: expectation.values[index] = tanh(x)
        case .silu:
          expectation.values[index] = x * sigmoid(x)
          own *= abs(x)
          slope = 1.1
        case .scale(let factor):
          expectation.values[index] = x * factor
          own = roundoff.unit * abs(x * factor)
          slope = abs(factor)
        case .add(let operand):
          let other = inputs[operand][index]
          expectation.values[index] = x + other
          own = roundoff.unit * (abs(x) + abs(other))
        case .multiply(let operand):
          let other = inputs[operand][index]
          expectation.values[index] = x * other
          own = roundoff.unit * abs(x * other)
          slope = abs(other)
        case .cast(let dtype):
          // Where the step rounds may be one place beside, as x may be.
          let rounded = Self.rounded(x, to: dtype)
          expectation.values[index] = rounded
          let slack = expectation.slack[index]
          let (low, high) = (Self.rounded(x - slack, to: dtype), Self.rounded(x + slack, to: dtype))
          own = max(high - rounded, rounded - low)
          slope = 0
        }
        expectation.slack[index] = slope * expectation.slack[index] + own
      }
    }
  }
}
