import MezzoBackend

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Reference {
  static func sgd(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> [Expectation] {
    let (weights, velocities, gradients) = (inputs[0], inputs[1], inputs[2])
    guard inputs[4] != [0] else { return [weights, velocities].map(kept) }
    let (rate, momentum) = (inputs[3][0], request.float("momentum"))
    var (weight, velocity) = (Expectation(values: [], slack: []), Expectation(values: [], slack: []))
    for index in weights.indices {
      let push = rate * gradients[index]
      let next = momentum * velocities[index] - push
      let step = request.int("nesterov") == 1 ? momentum * next - push : next
      let size = abs(momentum * velocities[index]) + abs(push)
      velocity.values.append(next)
      velocity.slack.append(8 * roundoff.unit * size + roundoff.tiny)
      weight.values.append(weights[index] + step)
      weight.slack.append(8 * roundoff.unit * (abs(weights[index]) + 2 * size) + roundoff.tiny)
    }
    return [weight, velocity]
  }

  static func adam(_ request: OperationRequest, _ inputs: [[Double]], _ roundoff: Roundoff) -> [Expectation] {
    guard inputs[6] != [0] else { return inputs.prefix(3).map(kept) }
    let (beta1, beta2) = (request.float("beta1"), request.float("beta2"))
    let (rate, step) = (inputs[4][0], inputs[5][0])
    let decay = rate * request.float("weight_decay")
    let corrected = rate * (1 - pow(beta2, step)).squareRoot() / (1 - pow(beta1, step))
    var results = Array(repeating: Expectation(values: [], slack: []), count: 3)
    for index in inputs[0].indices {
      let (w, m, v, g) = (inputs[0][index], inputs[1][index], inputs[2][index], inputs[3][index])
      let mean = m + (g - m) * (1 - beta1)
      let variance = v + (g * g - v) * (1 - beta2)
      let scale = corrected / (variance.squareRoot() + request.float("epsilon"))
      let meanSlack = 8 * roundoff.unit * (abs(m) + (abs(g) + abs(m)) * (1 - beta1)) + roundoff.tiny
      results[0].values.append(w - decay * w - scale * mean)
      results[0].slack.append(
        8 * roundoff.unit * abs(w) + scale * meanSlack + 2 * Roundoff.function * roundoff.unit * abs(scale * mean)
          + roundoff.tiny)
      results[1].values.append(mean)
      results[1].slack.append(meanSlack)
      results[2].values.append(variance)
      results[2].slack.append(8 * roundoff.unit * (v + (g * g + v) * (1 - beta2)) + roundoff.tiny)
    }
    return results
  }

  private static func kept(_ values: [Double]) -> Expectation { Expectation(values: values, keepsSignOfZero: true) }

  static func randomUniform(_ request: OperationRequest, _ key: [Double]) -> Expectation {
    let (seed, step) = (UInt64(bitPattern: Int64(key[0])), UInt64(bitPattern: Int64(key[1])))
    let stream = UInt32(truncatingIfNeeded: request.int("stream"))
    let count = request.results[0].type.checkedCount ?? 0
    return Expectation(
      values: (0..<count).map { index in
        let block = UInt64(index / 4)
        let words = Philox.block(
          counter: [
            UInt32(truncatingIfNeeded: block), UInt32(truncatingIfNeeded: block >> 32),
            UInt32(truncatingIfNeeded: step), stream,
          ], key: [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)])
        return Double(words[index % 4] >> 8) * 0x1p-24
      })
  }
}

/// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, *Parallel random numbers: as easy as 1, 2, 3*, 2011).
package enum Philox {
  /// - Parameters:
  ///   - counter: four words.
  ///   - key: two words.
  package static func block(counter: [UInt32], key: [UInt32]) -> [UInt32] {
    var counter = counter
    var key = key
    for _ in 0..<10 {
      let first = (0xD251_1F53 as UInt32).multipliedFullWidth(by: counter[0])
      let second = (0xCD9E_8D57 as UInt32).multipliedFullWidth(by: counter[2])
      counter = [second.high ^ counter[1] ^ key[0], second.low, first.high ^ counter[3] ^ key[1], first.low]
      key = [key[0] &+ 0x9E37_79B9, key[1] &+ 0xBB67_AE85]
    }
    return counter
  }
}
