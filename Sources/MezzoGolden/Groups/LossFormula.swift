import MezzoTraining

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Losses as their formulas say, in loops over double-precision numbers, as a check on those that are put together from
/// operations.
struct LossFormula {
  let function: LossFunction

  /// Of one example.
  func value(_ p: [Double], _ t: [Double]) -> Double {
    let pairs = zip(p, t)
    switch function {
    case .sparseCategoricalCrossentropy(let fromLogits): return crossentropy(p, t, fromLogits, 0)
    case .categoricalCrossentropy(let fromLogits, let smoothing): return crossentropy(p, t, fromLogits, smoothing)
    case .binaryCrossentropy(let fromLogits, let smoothing):
      return mean(
        pairs.map { p, t in
          let p = fromLogits ? 1 / (1 + exp(-p)) : clip(p, 1e-7, 1 - 1e-7)
          let t = t * (1 - smoothing) + smoothing / 2
          return -(t * log(p) + (1 - t) * log(1 - p))
        })
    case .cosineSimilarity:
      let norms = sqrt(p.reduce(0) { $0 + $1 * $1 }) * sqrt(t.reduce(0) { $0 + $1 * $1 })
      return norms == 0 ? 0 : -pairs.reduce(0) { $0 + $1.0 * $1.1 } / norms
    case .huber(let delta):
      return mean(
        pairs.map { p, t in
          let e = abs(p - t)
          return e <= delta ? e * e / 2 : delta * e - delta * delta / 2
        })
    case .klDivergence:
      return pairs.reduce(0) { sum, pair in
        let (p, t) = (clip(pair.0, 1e-7, 1), clip(pair.1, 1e-7, 1))
        return sum + t * log(t / p)
      }
    case .logCosh: return mean(pairs.map { log(cosh($0 - $1)) })
    case .meanAbsoluteError: return mean(pairs.map { abs($0 - $1) })
    case .meanAbsolutePercentageError: return mean(pairs.map { 100 * abs(($1 - $0) / max(abs($1), 1e-7)) })
    case .meanSquaredError: return mean(pairs.map { ($0 - $1) * ($0 - $1) })
    case .meanSquaredLogarithmicError:
      return mean(pairs.map { pow(log(1 + max($0, 1e-7)) - log(1 + max($1, 1e-7)), 2) })
    case .poisson: return mean(pairs.map { $0 - $1 * log($0 + 1e-7) })
    case .hinge: return mean(hinges(p, t))
    case .squaredHinge: return mean(hinges(p, t).map { $0 * $0 })
    case .categoricalHinge:
      let right = pairs.reduce(0) { $0 + $1.0 * $1.1 }
      let wrong = pairs.map { (1 - $1) * $0 }.max() ?? 0
      return max(wrong - right + 1, 0)
    // No case asks about them.
    case .binaryFocalCrossentropy, .categoricalFocalCrossentropy, .categoricalGeneralizedCrossEntropy, .dice, .tversky,
      .ctc, .circle:
      return .nan
    }
  }

  private func crossentropy(_ p: [Double], _ t: [Double], _ fromLogits: Bool, _ smoothing: Double) -> Double {
    let weights = fromLogits ? p.map { exp($0) } : p
    let sum = weights.reduce(0, +)
    return zip(weights, t).reduce(0) { loss, pair in
      let share = fromLogits ? pair.0 / sum : clip(pair.0 / sum, 1e-7, 1 - 1e-7)
      return loss - (pair.1 * (1 - smoothing) + smoothing / Double(p.count)) * log(share)
    }
  }

  private func hinges(_ p: [Double], _ t: [Double]) -> [Double] {
    let isBinary = t.allSatisfy { $0 == 0 || $0 == 1 }
    return zip(p, t).map { max(1 - (isBinary ? 2 * $1 - 1 : $1) * $0, 0) }
  }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  private func clip(_ value: Double, _ low: Double, _ high: Double) -> Double { min(max(value, low), high) }
}
