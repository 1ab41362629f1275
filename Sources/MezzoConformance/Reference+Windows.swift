import MezzoBackend
import MezzoPolicy

/// Which elements of a tensor `[n, i…]` the windows at the places `[n, o…]` hold.
private struct WindowWalk {
  var strides, low, dilations: [Int]
  var extents, size, counts: [Int]

  init(_ request: OperationRequest, extents: [Int], size: [Int], counts: [Int]) {
    (strides, low) = (request.ints("strides"), request.ints("low"))
    let dilations = request.ints("dilations")
    self.dilations = dilations.isEmpty ? size.map { _ in 1 } : dilations
    (self.extents, self.size, self.counts) = (extents, size, counts)
  }

  /// Calls `body` with the numbers of a window's place, of a tap within the window, and of the element that lies there,
  /// each in row-major order, for every tap that lies inside.
  func forEach(_ body: (_ place: Int, _ tap: Int, _ element: Int) -> Void) {
    func walk(_ axis: Int, _ place: Int, _ tap: Int, _ element: Int) {
      guard axis < extents.count else { return body(place, tap, element) }
      for out in 0..<counts[axis] {
        for within in 0..<size[axis] {
          let at = out * strides[axis] + within * dilations[axis] - low[axis]
          guard (0..<extents[axis]).contains(at) else { continue }
          walk(axis + 1, place * counts[axis] + out, tap * size[axis] + within, element * extents[axis] + at)
        }
      }
    }
    walk(0, 0, 0, 0)
  }
}

extension Reference {
  static func convolution(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> Expectation {
    let shapes = (request.inputs + request.results).map(\.shape)
    let result = request.results[0].shape
    let (x, kernel, y) =
      switch request.code {
      case .convolutionInputGradient: (result, shapes[1], shapes[0])
      case .convolutionKernelGradient: (shapes[0], result, shapes[1])
      default: (shapes[0], shapes[1], result)
      }
    let axes = x.count - 2
    let (channels, filters, groups) = (x[axes + 1], y[axes + 1], max(request.int("groups"), 1))
    let (perGroup, filtersOfGroup) = (channels / groups, filters / groups)
    let (elements, places) = (x[1...axes].reduce(1, *), y[1...axes].reduce(1, *))
    let walk = WindowWalk(
      request, extents: Array(x[1...axes]), size: Array(kernel[..<axes]), counts: Array(y[1...axes]))
    let count = result.reduce(1, *)
    var (sums, magnitudes) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
    var terms = [Int](repeating: 0, count: count)
    walk.forEach { place, tap, element in
      for batch in 0..<x[0] {
        for filter in 0..<filters {
          for channel in 0..<perGroup {
            let from = (batch * elements + element) * channels + filter / filtersOfGroup * perGroup + channel
            let weight = (tap * perGroup + channel) * filters + filter
            let to = (batch * places + place) * filters + filter
            let (a, b, into) =
              switch request.code {
              case .convolutionInputGradient: (inputs[0][to], inputs[1][weight], from)
              case .convolutionKernelGradient: (inputs[0][from], inputs[1][to], weight)
              default: (inputs[0][from], inputs[1][weight], to)
              }
            sums[into] += a * b
            magnitudes[into] += abs(a * b)
            terms[into] += 1
          }
        }
      }
    }
    var expectation = Expectation(values: sums)
    expectation.slack = sums.indices.map { roundoff.sum(terms[$0]) * magnitudes[$0] + roundoff.tiny }
    apply(request, inputs, roundoff, to: &expectation)
    return expectation
  }

  static func pool(_ request: OperationRequest, _ x: [Double], _ roundoff: Roundoff) -> Expectation {
    var windows = Array(repeating: [Double](), count: request.results[0].shape.reduce(1, *))
    forEachPooled(request, x: request.inputs[0].shape, y: request.results[0].shape) { from, to in
      windows[to].append(x[from])
    }
    if request.code == .maxPool {
      return Expectation(
        values: windows.map { window in
          window.contains(where: \.isNaN) ? .nan : window.max() ?? -.infinity
        })
    }
    var expectation = Expectation(values: [], slack: [])
    for window in windows {
      let (sum, magnitude) = accurateSum(window)
      expectation.values.append(sum / Double(window.count))
      expectation.slack.append(
        (roundoff.sum(window.count) + 2 * roundoff.unit) * magnitude / Double(window.count) + roundoff.tiny)
    }
    return expectation
  }

  static func poolGradient(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff
  ) -> Expectation {
    let (x, y) = (request.results[0].shape, request.inputs[0].shape)
    let isMean = request.code == .averagePoolGradient
    func takesPart(_ from: Int, _ to: Int) -> Bool {
      isMean || inputs[1][from] == inputs[2][to] || inputs[2][to].isNaN
    }
    var sharers = Array(repeating: 0, count: y.reduce(1, *))
    forEachPooled(request, x: x, y: y) { from, to in if takesPart(from, to) { sharers[to] += 1 } }
    var parts = Array(repeating: [Double](), count: x.reduce(1, *))
    forEachPooled(request, x: x, y: y) { from, to in
      if takesPart(from, to) { parts[from].append(inputs[0][to] / Double(sharers[to])) }
    }
    var expectation = Expectation(values: [], slack: [])
    for parts in parts {
      let (sum, magnitude) = accurateSum(parts)
      expectation.values.append(sum)
      expectation.slack.append((roundoff.sum(parts.count) + 2 * roundoff.unit) * magnitude + roundoff.tiny)
    }
    return expectation
  }

  /// Calls `body` with the numbers of an element and of the result whose window holds it.
  private static func forEachPooled(
    _ request: OperationRequest, x: [Int], y: [Int], _ body: (_ from: Int, _ to: Int) -> Void
  ) {
    let (axes, channels) = (x.count - 2, x[x.count - 1])
    let walk = WindowWalk(
      request, extents: Array(x[1...axes]), size: request.ints("size"), counts: Array(y[1...axes]))
    let (elements, places) = (x[1...axes].reduce(1, *), y[1...axes].reduce(1, *))
    walk.forEach { place, _, element in
      for batch in 0..<x[0] {
        for channel in 0..<channels {
          body((batch * elements + element) * channels + channel, (batch * places + place) * channels + channel)
        }
      }
    }
  }
}
