import MezzoBackend

extension Reference {
  static func gather(_ request: OperationRequest, _ inputs: [[Double]]) -> Expectation {
    let table = request.inputs[0].shape
    let width = table.dropFirst().reduce(1, *)
    return Expectation(
      values: inputs[1].flatMap { index in
        // An index that is NaN or no number cannot come: indices are integers.
        guard index >= 0, index < Double(table[0]) else { return [Double](repeating: .nan, count: width) }
        return Array(inputs[0][(Int(index) * width)..<((Int(index) + 1) * width)])
      }, keepsSignOfZero: true)
  }

  static func scatterAdd(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> Expectation {
    let table = request.results[0].shape
    let width = table.dropFirst().reduce(1, *)
    var expectation = Expectation(values: [], slack: [])
    for row in 0..<table[0] {
      let places = inputs[1].indices.filter { inputs[1][$0] == Double(row) }
      for column in 0..<width {
        let (sum, magnitude) = accurateSum(places.map { inputs[0][$0 * width + column] })
        expectation.values.append(sum)
        expectation.slack.append(roundoff.sum(places.count) * magnitude + roundoff.tiny)
      }
    }
    return expectation
  }
}
