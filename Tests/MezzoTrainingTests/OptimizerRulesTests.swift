import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Every optimizer against the update rules of Keras 3's documentation, in loops over double-precision numbers.
@Suite struct OptimizerRulesTests {
  /// One step of a rule: the variable and what is kept, a matrix of two rows of three, changed in place.
  typealias Rule = @Sendable (_ w: inout [Double], _ g: [Double], _ kept: inout [String: [Double]], _ t: Int) -> Void

  struct Case: Sendable {
    var optimizer: any Optimizer
    var rule: Rule
  }

  private static let rate = 0.05

  /// Element by element: the change of the variable, with two numbers that are kept.
  private static func elementwise(
    _ first: Double = 0, decay: Double = 0,
    _ step: @escaping @Sendable (_ w: Double, _ g: Double, _ a: inout Double, _ b: inout Double, _ t: Double) -> Double
  ) -> Rule {
    { w, g, kept, t in
      var a = kept["a"] ?? [Double](repeating: first, count: w.count)
      var b = kept["b"] ?? [Double](repeating: 0, count: w.count)
      for i in w.indices {
        let weight = w[i] * (1 - decay * rate)
        w[i] = step(weight, g[i], &a[i], &b[i], Double(t))
      }
      (kept["a"], kept["b"]) = (a, b)
    }
  }

  /// In parts, which the compiler checks more quickly than one long literal.
  static let cases: [Case] = gradientDescent + adaptive + others

  private static let gradientDescent: [Case] = [
    Case(optimizer: SGD(learningRate: rate), rule: elementwise { w, g, _, _, _ in w - rate * g }),
    Case(
      optimizer: SGD(learningRate: rate, momentum: 0.8, nesterov: true, weightDecay: 0.1),
      rule: elementwise(decay: 0.1) { w, g, a, _, _ in
        a = 0.8 * a - rate * g
        return w + 0.8 * a - rate * g
      }),
    Case(
      optimizer: Adam(learningRate: rate, weightDecay: 0.1),
      rule: elementwise(decay: 0.1) { w, g, m, v, t in
        m += (g - m) * 0.1
        v += (g * g - v) * 0.001
        let correction: Double = (1 - pow(0.999, t)).squareRoot() / (1 - pow(0.9, t))
        return w - m * rate * correction / (v.squareRoot() + 1e-7)
      }),
    Case(
      optimizer: Adam(learningRate: rate, beta2: 0.7, weightDecay: 0.1, amsgrad: true),
      rule: { w, g, kept, t in
        var (m, v, h) = (kept["m"] ?? w.map { _ in 0 }, kept["v"] ?? w.map { _ in 0 }, kept["h"] ?? w.map { _ in 0 })
        let correction: Double = (1 - pow(0.7, Double(t))).squareRoot() / (1 - pow(0.9, Double(t)))
        for i in w.indices {
          m[i] += (g[i] - m[i]) * 0.1
          v[i] += (g[i] * g[i] - v[i]) * 0.3
          h[i] = max(h[i], v[i])
          w[i] = w[i] * (1 - 0.1 * rate) - m[i] * rate * correction / (h[i].squareRoot() + 1e-7)
        }
        (kept["m"], kept["v"], kept["h"]) = (m, v, h)
      }),
    Case(
      optimizer: Adamax(learningRate: rate, weightDecay: 0.02),
      rule: elementwise(decay: 0.02) { w, g, m, u, t in
        m += (g - m) * 0.1
        u = max(0.999 * u, abs(g))
        return w - rate * m / ((1 - pow(0.9, t)) * (u + 1e-7))
      }),
    Case(
      optimizer: Nadam(learningRate: rate),
      rule: elementwise { w, g, m, v, t in
        func mu(_ t: Double) -> Double { 0.9 * (1 - 0.5 * pow(0.96, t)) }
        let product = stride(from: 1, through: t, by: 1).map(mu).reduce(1, *)
        m += (g - m) * 0.1
        v += (g * g - v) * 0.001
        let ofMomentum: Double = mu(t + 1) * m / (1 - product * mu(t + 1))
        let hat: Double = ofMomentum + (1 - mu(t)) * g / (1 - product)
        return w - hat * rate / ((v / (1 - pow(0.999, t))).squareRoot() + 1e-7)
      }),
  ]

  private static let adaptive: [Case] = [
    Case(
      optimizer: RMSprop(learningRate: rate),
      rule: elementwise { w, g, v, _, _ in
        v = 0.9 * v + 0.1 * g * g
        return w - rate * g / (v + 1e-7).squareRoot()
      }),
    Case(
      optimizer: RMSprop(learningRate: rate, rho: 0.8, momentum: 0.5, weightDecay: 0.1),
      rule: elementwise(decay: 0.1) { w, g, v, m, _ in
        v = 0.8 * v + 0.2 * g * g
        m = 0.5 * m + rate * g / (v + 1e-7).squareRoot()
        return w - m
      }),
    Case(
      optimizer: RMSprop(learningRate: rate, rho: 0.8, centered: true),
      rule: elementwise { w, g, v, a, _ in
        v = 0.8 * v + 0.2 * g * g
        a = 0.8 * a + 0.2 * g
        return w - rate * g / (v - a * a + 1e-7).squareRoot()
      }),
    Case(
      optimizer: Adagrad(learningRate: rate),
      rule: elementwise(0.1) { w, g, a, _, _ in
        a += g * g
        return w - rate * g / (a + 1e-7).squareRoot()
      }),
    Case(
      optimizer: Adadelta(learningRate: rate, epsilon: 1e-3),
      rule: elementwise { w, g, a, b, _ in
        a = 0.95 * a + 0.05 * g * g
        let delta = -g * (b + 1e-3).squareRoot() / (a + 1e-3).squareRoot()
        b = 0.95 * b + 0.05 * delta * delta
        return w + rate * delta
      }),
  ]

  private static let others: [Case] = [
    Case(
      optimizer: Ftrl(learningRate: rate, l1: 0.01, l2: 0.02, l2Shrinkage: 0.03, beta: 0.1),
      rule: elementwise(0.1) { w, g, a, z, _ in
        let new = a + g * g
        let change: Double = (new.squareRoot() - a.squareRoot()) / rate
        z += g + 0.06 * w - change * w
        let quadratic: Double = new.squareRoot() / rate + 2 * (0.02 + 0.1 / (2 * rate))
        a = new
        return (min(max(z, -0.01), 0.01) - z) / quadratic
      }),
    Case(
      optimizer: Ftrl(learningRate: rate, learningRatePower: -0.7),
      rule: elementwise(0.1) { w, g, a, z, _ in
        let new = a + g * g
        let change: Double = (pow(new, 0.7) - pow(a, 0.7)) / rate
        z += g - change * w
        a = new
        return -z / (pow(new, 0.7) / rate)
      }),
    Case(
      optimizer: Lion(learningRate: rate, weightDecay: 0.1),
      rule: elementwise(decay: 0.1) { w, g, m, _, _ in
        let direction = m * 0.9 + g * 0.1
        m = m * 0.99 + g * 0.01
        return w - rate * (direction > 0 ? 1 : direction < 0 ? -1 : 0)
      }),
    Case(optimizer: Adafactor(learningRate: rate), rule: adafactor),
    Case(optimizer: Lamb(learningRate: rate, weightDecay: 0.1), rule: lamb),
    Case(
      optimizer: ScheduleFreeAdamW(learningRate: rate, warmupSteps: 4, weightDecay: 0.1), rule: scheduleFree),
    Case(
      optimizer: Muon(learningRate: rate, weightDecay: 0.1), rule: muon(nesterov: true, length: 3.0.squareRoot() / 5)),
    Case(
      optimizer: Muon(learningRate: rate, momentum: 0.95, nesterov: false, weightDecay: 0.1, rmsRate: nil),
      rule: muon(nesterov: false, length: 1)),
    Case(
      optimizer: Muon(
        learningRate: rate, adam: Muon.AdamSettings(beta2: 0.9, weightDecay: 0.1, rateRatio: 0.5),
        excludedLayers: ["ble [0-9]$"]),
      rule: elementwise(decay: 0.1) { w, g, m, v, t in
        m += (g - m) * 0.1
        v += (g * g - v) * 0.1
        let correction: Double = (1 - pow(0.9, t)).squareRoot() / (1 - pow(0.9, t))
        return w - m * rate * 0.5 * correction / (v.squareRoot() + 1e-7)
      }),
  ]

  /// With the mean kept, which the optimizer finds from what it keeps.
  private static let scheduleFree: Rule = { w, g, kept, t in
    var (z, x, v) = (kept["z"] ?? w, kept["x"] ?? w, kept["v"] ?? w.map { _ in 0 })
    let step = Double(t)
    let warm: Double = rate * min(step / 4, 1)
    for i in w.indices {
      // Decay moves the variable alone, and so the mean by as much as β₁ says.
      x[i] -= w[i] * 0.1 * rate / 0.9
      v[i] += (g[i] * g[i] - v[i]) * 0.001
      let size: Double = (v[i] / (1 - pow(0.999, step))).squareRoot() + 1e-8
      z[i] -= warm * g[i] / size
      x[i] += (z[i] - x[i]) / step
      w[i] = 0.1 * z[i] + 0.9 * x[i]
    }
    (kept["z"], kept["x"], kept["v"]) = (z, x, v)
  }

  private static func muon(nesterov: Bool, length: Double) -> Rule {
    { w, g, kept, _ in
      let m = zip(kept["m"] ?? w.map { _ in 0 }, g).map { 0.95 * $0 + $1 }
      kept["m"] = m
      var x = nesterov ? zip(g, m).map { $0 + 0.95 * $1 } : m
      let norm = rms(x) * 6.0.squareRoot()
      x = x.map { $0 / (norm + 1e-7) }
      for _ in 0..<5 {
        var (a, factor) = ([0.0, 0, 0, 0], [0.0, 0, 0, 0])
        for i in 0..<2 { for j in 0..<2 { for k in 0..<3 { a[i * 2 + j] += x[i * 3 + k] * x[j * 3 + k] } } }
        for i in 0..<2 {
          for j in 0..<2 {
            let square: Double = a[i * 2] * a[j] + a[i * 2 + 1] * a[2 + j]
            factor[i * 2 + j] = -4.775 * a[i * 2 + j] + 2.0315 * square
          }
        }
        let old = x
        for i in 0..<2 {
          for k in 0..<3 {
            let product: Double = factor[i * 2] * old[k] + factor[i * 2 + 1] * old[3 + k]
            x[i * 3 + k] = 3.4445 * old[i * 3 + k] + product
          }
        }
      }
      for i in w.indices { w[i] = w[i] * (1 - 0.1 * rate) - rate * length * x[i] }
    }
  }

  private static let lamb: Rule = { w, g, kept, t in
    var (m, v) = (kept["m"] ?? w.map { _ in 0 }, kept["v"] ?? w.map { _ in 0 })
    var step = w
    for i in w.indices {
      w[i] *= 1 - 0.1 * rate
      m[i] += (g[i] - m[i]) * 0.1
      v[i] += (g[i] * g[i] - v[i]) * 0.001
      let mean: Double = m[i] / (1 - pow(0.9, Double(t)))
      let square: Double = v[i] / (1 - pow(0.999, Double(t)))
      step[i] = mean / (square.squareRoot() + 1e-7)
    }
    (kept["m"], kept["v"]) = (m, v)
    let ratio = rms(w) / rms(step)
    for i in w.indices { w[i] -= rate * ratio * step[i] }
  }

  private static func rms(_ values: [Double]) -> Double {
    var sum = 0.0
    for value in values { sum += value * value }
    return (sum / Double(values.count)).squareRoot()
  }

  private static let adafactor: Rule = { w, g, kept, t in
    let alpha = max(1e-3, rms(w)) * min(rate, 1 / Double(t).squareRoot())
    let beta = 1 - pow(Double(t), -0.8)
    var row: [Double] = kept["r"] ?? [0, 0]
    var column: [Double] = kept["c"] ?? [0, 0, 0]
    func square(_ i: Int, _ j: Int) -> Double { g[i * 3 + j] * g[i * 3 + j] + 1e-30 }
    for i in 0..<2 {
      let mean: Double = (square(i, 0) + square(i, 1) + square(i, 2)) / 3
      row[i] = beta * row[i] + (1 - beta) * mean
    }
    for j in 0..<3 {
      let mean: Double = (square(0, j) + square(1, j)) / 2
      column[j] = beta * column[j] + (1 - beta) * mean
    }
    (kept["r"], kept["c"]) = (row, column)
    let mean: Double = (row[0] + row[1]) / 2
    var step = [Double](repeating: 0, count: g.count)
    for place in g.indices {
      let spread: Double = row[place / 3] / mean * column[place % 3]
      step[place] = g[place] / spread.squareRoot()
    }
    let bound = max(1, rms(step))
    for place in w.indices { w[place] -= alpha * step[place] / bound }
  }

  private static let start = [0.3, -0.2, 1.4, -0.9, 0.05, 0.7]

  /// Different at every step, with a 0 and with changing signs.
  private static func gradient(_ step: Int) -> [Double] {
    (0..<6).map { place in
      if place == 4, step % 3 == 0 { return 0 }
      return sin(Double(step * 7 + place * 3)) * pow(2, Double(place - 3))
    }
  }

  private func run(_ optimizer: any Optimizer, _ dtype: DType, steps: Int) throws -> [Double] {
    var training = try LossScaleOptimizer(optimizer, lossScale: .fixed(1))
    var variables = [try Tensor(Self.start, shape: [2, 3], dtype: dtype)]
    for step in 1...steps {
      let gradient = try Tensor(Self.gradient(step), shape: [2, 3], dtype: dtype)
      try training.apply(Gradients([gradient]), to: &variables, on: .builtinOnly())
    }
    return variables[0].scalars()
  }

  private func expected(_ rule: Rule, steps: Int) -> [Double] {
    var (w, kept) = (Self.start, [String: [Double]]())
    for step in 1...steps { rule(&w, Self.gradient(step), &kept, step) }
    return w
  }

  @Test(arguments: Sample.every(4, of: cases.indices)) func everyRuleIsThatOfKeras(index: Int) throws {
    let (optimizer, rule) = (Self.cases[index].optimizer, Self.cases[index].rule)
    try optimizer.check()
    for (dtype, tolerance) in [(DType.float64, 1e-12), (.float32, 2e-5)] {
      let (found, expected) = (try run(optimizer, dtype, steps: 6), expected(rule, steps: 6))
      for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) <= tolerance * max(1, abs(expected)), "\(optimizer), \(dtype)")
      }
    }
  }

  /// 16-bit variables are updated in float32 and rounded once.
  @Test(arguments: Sample.every(4, of: cases.indices)) func narrowVariablesFollow(index: Int) throws {
    let found = try run(Self.cases[index].optimizer, .bfloat16, steps: 3)
    let expected = expected(Self.cases[index].rule, steps: 3)
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) < 0.04 }, "\(found), \(expected)")
  }

  @Test(arguments: cases.indices) func configurationsSurvive(index: Int) throws {
    let optimizer = Self.cases[index].optimizer
    for original in [optimizer, ExponentialMovingAverage(optimizer, momentum: 0.9)] {
      let data = try JSONEncoder().encode(AnyOptimizer(original))
      let copy = try JSONDecoder().decode(AnyOptimizer.self, from: data).optimizer
      #expect("\(copy)" == "\(original)")
    }
  }

  @Test(arguments: cases.indices) func aStepThatIsNotFiniteChangesNothing(index: Int) throws {
    var training = try LossScaleOptimizer(Self.cases[index].optimizer)
    let start = try Tensor(Self.start, shape: [2, 3], dtype: .float32)
    let good = try Tensor(Self.gradient(1), shape: [2, 3], dtype: .float32)
    let bad = try Tensor([.nan, 1, 1, 1, 1, 1], shape: [2, 3], dtype: .float32)
    var (once, twice) = ([start], [start])
    var other = training
    try training.apply(Gradients([good]), to: &once, on: .builtinOnly())
    try other.apply(Gradients([good]), to: &twice, on: .builtinOnly())
    let before = twice
    try other.apply(Gradients([bad]), to: &twice, on: .builtinOnly())
    #expect(twice == before)
    #expect(once == twice)
  }

  @Test func vectorsHaveNoRowsForAdafactor() throws {
    var training = try LossScaleOptimizer(Adafactor(learningRate: 0.1, relativeStep: false), lossScale: .fixed(1))
    var variables = [try Tensor([3, 4], shape: [2], dtype: .float64), try Tensor(2, dtype: .float64)]
    let gradients = [try Tensor([1, -2], shape: [2], dtype: .float64), try Tensor(0.5, dtype: .float64)]
    try training.apply(Gradients(gradients), to: &variables, on: .builtinOnly())
    // The first step is one of the sign, as long as the variable is on average times the rate.
    let length = 0.1 * 12.5.squareRoot()
    #expect(abs(variables[0].scalars()[0] - (3 - length)) < 1e-12)
    #expect(abs(variables[0].scalars()[1] - (4 + length)) < 1e-12)
    #expect(abs(try variables[1].scalar() - 1.8) < 1e-12)
  }

  @Test func averagesFollowTheVariables() throws {
    let optimizer = ExponentialMovingAverage(SGD(learningRate: Self.rate), momentum: 0.75)
    try optimizer.check()
    #expect(optimizer.publishedSlot == "average")
    #expect(throws: TrainingError.self) { try ExponentialMovingAverage(optimizer).check() }
    #expect(throws: TrainingError.self) { try ExponentialMovingAverage(SGD(), momentum: 2).check() }
  }

  @Test(
    arguments: [
      RMSprop(rho: 1), RMSprop(epsilon: -1), Adagrad(initialAccumulatorValue: .nan), Adadelta(rho: -0.1),
      Adamax(beta1: 1), Nadam(beta2: 2), Lion(weightDecay: -1), Ftrl(learningRatePower: 1), Ftrl(learningRate: 0),
      Adafactor(clipThreshold: 0), Muon(momentum: 2), Muon(iterations: -1), Muon(excludedLayers: ["("]),
      Muon(adam: Muon.AdamSettings(rateRatio: 0)), ScheduleFreeAdamW(beta1: 0), ScheduleFreeAdamW(warmupSteps: -1),
      SGD(weightDecay: .infinity), Adam(learningRate: -1),
    ] as [any Optimizer])
  func settingsThatTrainNothingAreRefused(optimizer: any Optimizer) {
    #expect(throws: TrainingError.self) { try optimizer.check() }
  }
}
