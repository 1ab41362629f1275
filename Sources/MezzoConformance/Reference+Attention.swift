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
  static func attention(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> [Expectation] {
    let problem = AttentionProblem(request, request.inputs[0].shape, request.inputs[2].shape)
    var o = Expectation(values: [], slack: [])
    var lse = Expectation(values: [], slack: [])
    for batch in 0..<problem.batches {
      for query in 0..<problem.queries {
        let row = problem.scores(batch, query, inputs[0], inputs[1], inputs[3], roundoff)
        let largest = row.scores.max() ?? -.infinity
        let weights = row.scores.map { $0 == -.infinity ? 0 : exp($0 - largest) }
        let sum = weights.reduce(0, +)
        let isEmpty = largest == -.infinity
        lse.values.append(isEmpty ? -.infinity : largest + log(sum))
        lse.slack.append(isEmpty ? 0 : row.error + roundoff.sum(problem.keys) + 32 * roundoff.unit * (1 + abs(largest)))
        // Of a weight: the errors of its score and of the sum, and of the exponent in relation to its distance.
        let relative = 2 * row.error + roundoff.sum(problem.keys) + 64 * roundoff.unit
        for column in 0..<problem.width {
          let terms = weights.enumerated().map { key, weight in
            (isEmpty ? 0 : weight / sum) * inputs[2][(batch * problem.keys + key) * problem.width + column]
          }
          let magnitude = terms.reduce(0) { $0 + abs($1) }
          let apart = zip(terms, row.scores).reduce(0) { $1.1 == -.infinity ? $0 : $0 + abs($1.0) * ($1.1 - largest) }
          o.values.append(terms.reduce(0, +))
          o.slack.append(
            (relative + roundoff.sum(problem.keys) + problem.rounding) * magnitude + 2 * roundoff.unit * abs(apart)
              + 4 * roundoff.tiny + problem.vanishing)
        }
      }
    }
    return [o, lse]
  }

  static func attentionGradient(
    _ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff
  ) -> [Expectation] {
    let problem = AttentionProblem(request, request.inputs[1].shape, request.inputs[3].shape)
    let (dy, q, k, v, bias, y, lse) = (inputs[0], inputs[1], inputs[2], inputs[3], inputs[4], inputs[5], inputs[6])
    let (queries, keys, dim, width) = (problem.queries, problem.keys, problem.dim, problem.width)
    var sums = [Sums(q.count), Sums(k.count), Sums(v.count)]
    for batch in 0..<problem.batches {
      for query in 0..<queries {
        let (index, row) = (batch * queries + query, problem.scores(batch, query, q, k, bias, roundoff))
        let own = (0..<width).map { dy[index * width + $0] }
        let (along, alongMagnitude) = accurateSum((0..<width).map { own[$0] * y[index * width + $0] })
        for key in 0..<keys where row.scores[key] != -.infinity && lse[index] != -.infinity {
          let place = batch * keys + key
          let distance = row.scores[key] - lse[index]
          let weight = exp(distance)
          let relative = row.error + roundoff.unit * (32 + 2 * abs(distance) + abs(row.scores[key]))
          let (byWeight, magnitude) = accurateSum((0..<width).map { own[$0] * v[place * width + $0] })
          let slope = weight * (byWeight - along)
          let error =
            weight
            * (relative * (abs(byWeight) + abs(along)) + roundoff.sum(width) * (magnitude + alongMagnitude)
              + 4 * roundoff.unit * (abs(byWeight) + abs(along)))
            + problem.rounding * abs(slope)
          for column in 0..<dim {
            let (a, b) = (q[index * dim + column], k[place * dim + column])
            sums[0].add(index * dim + column, problem.scale * slope * b, abs(problem.scale * b) * error)
            sums[1].add(place * dim + column, problem.scale * slope * a, abs(problem.scale * a) * error)
          }
          for column in 0..<width {
            sums[2].add(
              place * width + column, weight * own[column], weight * abs(own[column]) * (relative + problem.rounding))
          }
        }
      }
    }
    let counts = [keys, queries, queries]
    return zip(sums, counts).map { sum, count in
      Expectation(
        values: sum.values,
        slack: sum.values.indices.map {
          sum.errors[$0] + (roundoff.sum(count) + 8 * roundoff.unit) * sum.magnitudes[$0] + 4 * roundoff.tiny
            + problem.vanishing
        })
    }
  }

  /// Sums, of what size their terms are, and how far those may be off.
  private struct Sums {
    var values, magnitudes, errors: [Double]

    init(_ count: Int) {
      values = Array(repeating: 0, count: count)
      (magnitudes, errors) = (values, values)
    }

    mutating func add(_ index: Int, _ term: Double, _ error: Double) {
      values[index] += term
      magnitudes[index] += abs(term)
      errors[index] += error
    }
  }

  private struct AttentionProblem {
    var batches, queries, keys, dim, width: Int
    var scale: Double
    var isCausal: Bool
    /// Weights, and the gradients by the scores, may be rounded to the 16 bits of what they are multiplied with.
    var rounding: Double
    /// Instructions that multiply 16-bit numbers may take subnormal ones for 0.
    var vanishing: Double

    init(_ request: OperationRequest, _ q: [Int], _ v: [Int]) {
      let dtype = request.inputs[1].dtype
      rounding = dtype == .bfloat16 ? 0x1p-8 : dtype == .float16 ? 0x1p-11 : 0
      vanishing = dtype == .bfloat16 ? Double(Float.leastNormalMagnitude) * Double(q[q.count - 2] + v[v.count - 2]) : 0
      batches = q.dropLast(2).reduce(1, *)
      queries = q[q.count - 2]
      dim = q[q.count - 1]
      keys = v[v.count - 2]
      width = v[v.count - 1]
      scale = request.float("scale")
      isCausal = request.int("causal") == 1
    }

    /// A row of scores, and how far an accumulator may be from any of them.
    func scores(
      _ batch: Int, _ query: Int, _ q: [Double], _ k: [Double], _ bias: [Double], _ roundoff: Roundoff
    ) -> (scores: [Double], error: Double) {
      let index = batch * queries + query
      var error = 0.0
      let scores = (0..<keys).map { key in
        let (product, magnitude) = accurateSum(
          (0..<dim).map { q[index * dim + $0] * k[(batch * keys + key) * dim + $0] })
        let added = bias[index * keys + key]
        let score = isCausal && key > query ? -.infinity : scale * product + added
        guard score != -.infinity else { return score }
        error = max(
          error, (roundoff.sum(dim) + 4 * roundoff.unit) * abs(scale) * magnitude + roundoff.unit * abs(added))
        return score
      }
      return (scores, error)
    }
  }
}
