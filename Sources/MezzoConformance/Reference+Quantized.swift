import MezzoBackend
import MezzoPolicy

extension Reference {
  static func quantize(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> [Expectation] {
    let count = request.inputs[0].shape.last ?? 1
    let rows = request.results[1].type.checkedCount ?? 0
    let isSymmetric = request.int("symmetric") == 1
    var q = Expectation(values: [], slack: [])
    var scales = Expectation(values: [], slack: [])
    var zeros = Expectation(values: [], slack: [])
    // Near the middle between two integers either may be the nearest.
    func isNearMiddle(_ exact: Double) -> Bool {
      abs(abs(exact - exact.rounded(.toNearestOrEven)) - 0.5) < 1024 * roundoff.unit
    }
    for row in 0..<rows {
      let x = inputs[0][(row * count)..<((row + 1) * count)]
      let given = inputs[1][0]
      let isNumber = x.allSatisfy { given == 0 ? $0.isFinite : !$0.isNaN }
      var (low, high) = (x.reduce(0) { min($0, $1) }, x.reduce(0) { max($0, $1) })
      if isSymmetric { (low, high) = (-max(-low, high), max(-low, high)) }
      let exactScale = given == 0 ? high / 254 - low / 254 : given / 127
      // As it is stored, so that the numbers fit it.
      let scale = request.results[1].dtype == .float32 ? Double(Float(exactScale)) : exactScale
      scales.values.append(isNumber ? scale : .nan)
      scales.slack.append(isNumber ? 2 * roundoff.unit * scale + roundoff.tiny : 0)
      let middle = isNumber && given == 0 && scale > 0 ? min(max(-(low / 2 + high / 2) / scale, -127), 127) : 0
      zeros.values.append(middle.rounded(.toNearestOrEven))
      zeros.slack.append(isNearMiddle(middle) ? 1 : 0)
      for element in x {
        let exact = isNumber && scale > 0 ? element / scale : 0
        let shifted = exact.rounded(.toNearestOrEven) + middle.rounded(.toNearestOrEven)
        q.values.append(isNumber && scale > 0 ? min(max(shifted, -127), 127) : 0)
        q.slack.append((isNearMiddle(exact) && abs(shifted) <= 127 ? 1 : 0) + (isNearMiddle(middle) ? 1 : 0))
      }
    }
    return [q, scales, zeros]
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
        let sum = (0..<depth).reduce(0.0) {
          $0 + (inputs[0][row * depth + $1] - inputs[4][row]) * inputs[1][$1 * columns + column]
        }
        let value = sum * inputs[2][row] * inputs[3][column]
        expectation.values.append(value)
        expectation.slack.append(4 * roundoff.unit * abs(value) + roundoff.tiny)
      }
    }
    apply(request, inputs, roundoff, to: &expectation)
    return expectation
  }
}
