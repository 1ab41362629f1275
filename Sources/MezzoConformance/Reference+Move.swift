import MezzoBackend
import MezzoPolicy

extension Reference {
  static func pad(_ request: OperationRequest, _ x: [Double]) -> Expectation {
    let (from, to) = (request.inputs[0].shape, request.results[0].shape)
    let (low, interior) = (request.ints("low"), request.ints("interior"))
    let value = request.float("value")
    let stored = request.results[0].dtype == .bool ? (value == 0 ? 0 : 1) : value
    var values = Array(repeating: stored, count: to.reduce(1, *))
    for (place, value) in zip(places(from), x) {
      let moved = place.indices.map { low[$0] + place[$0] * (interior[$0] + 1) }
      if let index = index(moved, to) { values[index] = value }
    }
    return Expectation(values: values, keepsSignOfZero: true)
  }

  static func slice(_ request: OperationRequest, _ x: [Double]) -> Expectation {
    let (start, step) = (request.ints("start"), request.ints("step"))
    let shape = request.inputs[0].shape
    return Expectation(
      values: places(request.results[0].shape).map { place in
        index(place.indices.map { start[$0] + place[$0] * step[$0] }, shape).map { x[$0] } ?? .nan
      }, keepsSignOfZero: true)
  }

  static func concatenate(_ request: OperationRequest, _ inputs: [[Double]]) -> Expectation {
    let axis = request.int("axis")
    let (first, second) = (request.inputs[0].shape, request.inputs[1].shape)
    return Expectation(
      values: places(request.results[0].shape).map { place in
        var place = place
        if let index = index(place, first) { return inputs[0][index] }
        place[axis] -= first[axis]
        return index(place, second).map { inputs[1][$0] } ?? .nan
      }, keepsSignOfZero: true)
  }

  static func windowSum(_ request: OperationRequest, _ x: [Double], _ roundoff: Roundoff) -> Expectation {
    let (strides, dilations) = (request.ints("strides"), request.ints("dilations"))
    let (axes, to) = (strides.count, request.results[0].shape)
    var terms = Array(repeating: [Double](), count: to.reduce(1, *))
    for (place, value) in zip(places(request.inputs[0].shape), x) {
      let moved = (0..<axes).map { place[1 + $0] * strides[$0] + place[1 + axes + $0] * dilations[$0] }
      if let index = index([place[0]] + moved + place[(2 * axes + 1)...], to) { terms[index].append(value) }
    }
    var expectation = Expectation(values: [], slack: [])
    for terms in terms {
      let (sum, magnitude) = accurateSum(terms)
      expectation.values.append(sum)
      expectation.slack.append(roundoff.sum(terms.count) * magnitude + roundoff.tiny)
    }
    return expectation
  }

  /// Every place of a tensor, in row-major order.
  private static func places(_ shape: [Int]) -> [[Int]] {
    shape.reduce([[]]) { places, extent in places.flatMap { place in (0..<extent).map { place + [$0] } } }
  }

  /// Where a place lies in row-major order; nil outside.
  private static func index(_ place: [Int], _ shape: [Int]) -> Int? {
    var index = 0
    for (at, extent) in zip(place, shape) {
      guard (0..<extent).contains(at) else { return nil }
      index = index * extent + at
    }
    return index
  }
}
