import MezzoGraph
import MezzoPolicy
import MezzoTraining

/// How a scale, its counter, the iterations and the variables move, step by step.
///
/// One letter is the gradient of one variable: f 1, z 0, n NaN, i and m the infinities, o none.
enum LossScaleTraceGroup: GoldenGroup {
  static let names = ["lossscale.trace"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let trace = try LossScaleTrace(testCase)
    // One more variable, whose gradient is always 1, moves whenever a step is applied.
    var run = try LossScaleRun(
      testCase.system, dynamic: trace.isDynamic, initial: trace.initial, growth: trace.growth,
      variables: trace.width + 1)
    var record = LossScaleTrace.Record(initial: Double(run.lossScale.value))
    for gradients in trace.steps {
      let before = run.variables[trace.width]
      _ = try run.step(gradients + [1])
      record.scales.append(Double(run.lossScale.value))
      record.counters.append(trace.isDynamic ? run.lossScale.goodSteps : nil)
      record.applied.append(run.variables[trace.width] != before)
      record.iterations.append(run.optimizer.iterations)
    }
    record.variables = try run.variables[..<trace.width].map { try $0.scalar() }
    return .ok(trace.answer(record))
  }

  static let differences = [
    DesignDifference(
      "A loss scale is never infinite or 0", systems: ["keras3", "torch"],
      cases: "steps by which the scale would become infinite in Keras 3, or 0 in Keras 3 and PyTorch",
      behaviour: """
        Growth to infinity is dropped, as in TensorFlow 2.4, and the scale backs off to no less than the smallest normal \
        float32.
        """,
      reason: "After an infinite scale every step is skipped for good, and by 0 no gradient can be divided.",
      theirs: { testCase in
        guard let trace = try? LossScaleTrace(testCase) else { return nil }
        // Subnormal scales are 0 on threads that flush them.
        let ways = [false, true].flatMap { flushes in
          [false, true].map { ConfigurationValue.ok(trace.answer(trace.unboundedRecord(flushes, checksScaled: $0))) }
        }
        return ways.first { GoldenComparison().mismatch(expected: testCase.expect, got: $0) == nil } ?? ways[0]
      }
    ) { testCase in
      guard let trace = try? LossScaleTrace(testCase), let scales = testCase.expect["ok"]?["scale"]?.asArray,
        scales.compactMap(\.asDouble).contains(where: { !($0.isFinite && $0 >= Double(Float.leastNormalMagnitude)) })
      else { return nil }
      return .ok(trace.answer(trace.boundedRecord))
    },
    DesignDifference(
      "Without momentum nothing is remembered", systems: ["tfkeras"],
      cases: "steps with a fixed scale after an infinite gradient, which tf-keras's SGD keeps as a momentum of 0 · ∞",
      behaviour: "An infinite variable stays infinite, as in TensorFlow 2.4.",
      reason: "SGD without momentum has no slot, which would take the memory of the weights once more.",
      theirs: { testCase in
        (try? LossScaleTrace(testCase)).map { trace in
          testCase.expect.replacing("ok") {
            $0.replacing("final_vars") { _ in .array(trace.sumsWithMomentum.map(ConfigurationValue.exactly)) }
          }
        }
      }
    ) { testCase in
      guard let trace = try? LossScaleTrace(testCase), !trace.isDynamic,
        var answer = testCase.expect["ok"]?.asObject
      else { return nil }
      answer["final_vars"] = .array(trace.plainSums.map(ConfigurationValue.exactly))
      return .ok(.object(answer))
    },
  ]
}

/// The question of a case, the form of its answer, and what Mezzo is stated to do where it differs.
private struct LossScaleTrace {
  let isDynamic: Bool
  let initial: Double?
  let growth: Int?
  let steps: [[Double?]]
  private let system: String

  struct Record {
    var initial: Double
    var scales: [Double] = []
    var counters: [Int?] = []
    var applied: [Bool] = []
    var iterations: [Int] = []
    var variables: [Double] = []
  }

  private static let gradients: [Character: Double?] = [
    "f": 1, "z": 0, "n": .nan, "i": .infinity, "m": -.infinity, "o": nil,
  ]

  init(_ testCase: GoldenCase) throws(GoldenFormError) {
    let input = testCase.input
    system = testCase.system
    // Null, like nothing, is the system's default.
    func given(_ key: String) -> Bool { (input[key] ?? .null) != .null }
    isDynamic = given("dynamic") ? try input.bool("dynamic") : true
    initial = given("init") ? try input.double("init") : nil
    growth = given("growth") ? try input.int("growth") : nil
    steps = try input.array("steps").map { step throws(GoldenFormError) in
      guard let letters = step.asString else { throw GoldenFormError(expected: "letters", found: step.compact) }
      return try letters.map { letter throws(GoldenFormError) in
        guard let gradient = Self.gradients[letter] else {
          throw GoldenFormError(expected: "one of f, z, n, i, m and o", found: "\(letter)")
        }
        return gradient
      }
    }
    let widths = Set(steps.map(\.count))
    guard widths.count <= 1 else { throw GoldenFormError(expected: "steps of one width", found: "\(widths.sorted())") }
  }

  var width: Int { steps.first?.count ?? 0 }

  /// jmp, Flax and PyTorch have no optimizer whose variables and iterations were recorded.
  func answer(_ record: Record) -> ConfigurationValue {
    var answer: [String: ConfigurationValue] = [
      "initial": .exactly(record.initial), "scale": .array(record.scales.map(ConfigurationValue.exactly)),
      "counter": .array(record.counters.map { $0.map { .integer($0) } ?? .null }),
      "applied": .array(record.applied.map { .bool($0) }),
    ]
    if ["tf24", "tfkeras", "keras3"].contains(system) {
      answer["iterations"] = .array(record.iterations.map { .integer($0) })
      answer["final_vars"] = .array(record.variables.map(ConfigurationValue.exactly))
    }
    return .object(answer)
  }

  /// What each variable comes to if every gradient is taken from it.
  var plainSums: [Double] {
    (0..<width).map { place in steps.reduce(0) { $0 - ($1[place] ?? 0) } }
  }

  /// The same by tf-keras's rule, in which a step is what was given and 0 times the last one.
  var sumsWithMomentum: [Double] {
    (0..<width).map { place in
      var (sum, last) = (0.0, 0.0)
      for gradient in steps.compactMap({ $0[place] }) {
        last = last * 0 - gradient
        sum += last
      }
      return sum
    }
  }

  /// Doubled at the N-th good step unless that is infinite, halved but not below the smallest normal number.
  var boundedRecord: Record {
    record { gradient, _ in
      gradient.isFinite
    } growing: { scale in
      (scale * 2).isFinite ? scale * 2 : scale
    } backingOff: { scale in
      max(scale / 2, .leastNormalMagnitude)
    }
  }

  /// As Keras 3 and PyTorch do it: halved without an end, in Keras 3 doubled without one.
  ///
  /// - Parameters:
  ///   - flushes: whether a subnormal scale is 0.
  ///   - checksScaled: whether a step is applied if the gradients with the scale in them are finite, rather than those
  ///     that were divided by it again. The two differ where the scale is 0.
  func unboundedRecord(_ flushes: Bool, checksScaled: Bool) -> Record {
    let isTorch = system == "torch"
    return record { gradient, scale in
      let scaled = Float(gradient) * scale
      return isTorch || checksScaled ? scaled.isFinite : (scaled / scale).isFinite
    } unscaled: { gradient, scale in
      Double(Float(gradient) * scale / scale)
    } growing: { scale in
      isTorch && !(scale * 2).isFinite ? scale : scale * 2
    } backingOff: { scale in
      flushes && (scale / 2).isSubnormal ? 0 : scale / 2
    }
  }

  private func record(
    isFinite: (_ gradient: Double, _ scale: Float) -> Bool,
    unscaled: (_ gradient: Double, _ scale: Float) -> Double = { gradient, _ in gradient }, growing: (Float) -> Float,
    backingOff: (Float) -> Float
  ) -> Record {
    var scale = Float(initial ?? (system == "torch" ? 65536 : 32768))
    var record = Record(initial: Double(scale))
    record.variables = [Double](repeating: 0, count: width)
    var (counter, iterations) = (0, 0)
    for gradients in steps {
      // The gradient of the variable that every case has besides is 1.
      let applies = (gradients + [1]).allSatisfy { $0.map { isFinite($0, scale) } ?? true }
      if applies {
        for (place, gradient) in gradients.enumerated() {
          record.variables[place] -= gradient.map { unscaled($0, scale) } ?? 0
        }
        counter += 1
        iterations += 1
        if counter == growth ?? 2000 {
          counter = 0
          scale = growing(scale)
        }
      } else {
        counter = 0
        scale = backingOff(scale)
      }
      record.scales.append(Double(scale))
      record.counters.append(counter)
      record.applied.append(applies)
      record.iterations.append(iterations)
    }
    return record
  }
}
