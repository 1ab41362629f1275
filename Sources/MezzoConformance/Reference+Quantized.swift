import MezzoBackend
import MezzoPolicy

extension Reference {
  static func quantize(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> [Expectation] {
    let count = request.inputs[0].shape.last ?? 1
    let rows = request.results[1].type.checkedCount ?? 0
    var q = Expectation(values: [], slack: [])
    var scales = Expectation(values: [], slack: [])
    for row in 0..<rows {
      let x = inputs[0][(row * count)..<((row + 1) * count)]
      let given = inputs[1][0]
      let isNumber = x.allSatisfy { given == 0 ? $0.isFinite : !$0.isNaN }
      let limit = given == 0 ? x.reduce(0) { max($0, abs($1)) } : given
      scales.values.append(isNumber ? limit / 127 : .nan)
      scales.slack.append(isNumber ? 2 * roundoff.unit * limit / 127 + roundoff.tiny : 0)
      for element in x {
        let exact = isNumber && limit != 0 ? min(max(element / limit * 127, -127), 127) : 0
        let nearest = exact.rounded(.toNearestOrEven)
        q.values.append(nearest)
        // Near the middle between two integers either may be the nearest.
        let isNearMiddle = abs(abs(exact - nearest) - 0.5) < 1024 * roundoff.unit
        q.slack.append(isNearMiddle && abs(exact) < 127 ? 1 : 0)
      }
    }
    return [q, scales]
  }

  static func quantizedProduct(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff
  ) -> Expectation {
    let (rows, depth) = (request.inputs[0].shape[0], request.inputs[0].shape[1])
    let columns = request.inputs[1].shape[1]
    var expectation = Expectation(values: [], slack: [])
    for row in 0..<rows {
      for column in 0..<columns {
        // Integers of this size are exact in float64.
        let sum = (0..<depth).reduce(0.0) { $0 + inputs[0][row * depth + $1] * inputs[1][$1 * columns + column] }
        let value = sum * inputs[2][row] * inputs[3][column]
        expectation.values.append(value)
        expectation.slack.append(4 * roundoff.unit * abs(value) + roundoff.tiny)
      }
    }
    apply(request, inputs, roundoff, to: &expectation)
    return expectation
  }
}
