import Foundation
import MezzoPolicy
import Testing

/// Traces of TensorFlow 2.4's `LossScaleOptimizer`: f is a step with finite gradients, n one without.
struct LossScaleTests {
  struct Trace: Sendable {
    let initial: Float
    let growthInterval: Int
    let steps: String
    let scales: [Float]
    let goodSteps: [Int]
  }

  static let traces = [
    Trace(
      initial: 8, growthInterval: 3, steps: "ffffff", scales: [8, 8, 16, 16, 16, 32], goodSteps: [1, 2, 0, 1, 2, 0]),
    Trace(initial: 4, growthInterval: 1, steps: "fffff", scales: [8, 16, 32, 64, 128], goodSteps: [0, 0, 0, 0, 0]),
    Trace(initial: 4, growthInterval: 0, steps: "fff", scales: [8, 16, 32], goodSteps: [0, 0, 0]),
    Trace(initial: 4, growthInterval: -5, steps: "ff", scales: [8, 16], goodSteps: [0, 0]),
    Trace(initial: 8, growthInterval: 2, steps: "n", scales: [4], goodSteps: [0]),
    Trace(initial: 8, growthInterval: 3, steps: "ffnfff", scales: [8, 8, 4, 4, 4, 8], goodSteps: [1, 2, 0, 1, 2, 0]),
    Trace(initial: 0.5, growthInterval: 10, steps: "nnn", scales: [1, 1, 1], goodSteps: [0, 0, 0]),
    Trace(initial: 0.25, growthInterval: 2, steps: "ffn", scales: [0.25, 0.5, 1], goodSteps: [1, 0, 0]),
    Trace(initial: 1.5, growthInterval: 2, steps: "nff", scales: [1, 1, 2], goodSteps: [0, 1, 0]),
    Trace(initial: 3, growthInterval: 2, steps: "nnff", scales: [1.5, 1, 1, 2], goodSteps: [0, 0, 1, 0]),
    Trace(
      initial: 0x1p127, growthInterval: 2, steps: "fffn", scales: [0x1p127, 0x1p127, 0x1p127, 0x1p126],
      goodSteps: [1, 0, 1, 0]),
  ]

  @Test(arguments: traces)
  func follows(trace: Trace) {
    var scale = LossScale.dynamic(initialScale: trace.initial, growthInterval: trace.growthInterval)
    for (index, step) in trace.steps.enumerated() {
      let event = scale.update(gradientsAreFinite: step == "f")
      #expect(event.appliesStep == (step == "f"))
      #expect(scale.value == trace.scales[index], "step \(index)")
      #expect(scale.goodSteps == trace.goodSteps[index], "step \(index)")
    }
    #expect(scale.initialScale == trace.initial)
  }

  @Test func defaultsGrowOnTheTwoThousandthGoodStep() {
    var scale = LossScale.dynamic()
    #expect(scale.isDynamic && scale.value == 32768 && scale.goodSteps == 0)
    for _ in 1..<2000 { #expect(scale.update(gradientsAreFinite: true) == .unchanged) }
    #expect(scale.goodSteps == 1999)
    #expect(scale.update(gradientsAreFinite: true) == .grew(from: 32768, to: 65536))
    #expect(scale.goodSteps == 0)
  }

  @Test func defaultsHalveFifteenTimesAndThenStayAtOne() {
    var scale = LossScale.dynamic()
    for step in 1...15 {
      #expect(
        scale.update(gradientsAreFinite: false) == .shrank(from: 65536 / Float(1 << step), to: 32768 / Float(1 << step))
      )
    }
    #expect(scale.update(gradientsAreFinite: false) == .skipped(at: 1))
    #expect(scale.value == 1)
  }

  @Test func eventsOfTheBounds() {
    var below = LossScale.dynamic(initialScale: 0.25)
    #expect(below.update(gradientsAreFinite: false) == .roseToFloor(from: 0.25, to: 1))
    var capped = LossScale.dynamic(initialScale: 4, growthInterval: 1, ceiling: 10)
    #expect(capped.update(gradientsAreFinite: true) == .grew(from: 4, to: 8))
    #expect(capped.update(gradientsAreFinite: true) == .growthDropped(at: 8))
    var infinite = LossScale.dynamic(initialScale: 0x1p127, growthInterval: 1)
    #expect(infinite.update(gradientsAreFinite: true) == .growthDropped(at: 0x1p127))
  }

  @Test func otherFactorsAndFloor() {
    var scale = LossScale.dynamic(initialScale: 16, growthInterval: 1, growthFactor: 3, backoffFactor: 0.25, floor: 5)
    #expect(scale.update(gradientsAreFinite: true) == .grew(from: 16, to: 48))
    #expect(scale.update(gradientsAreFinite: false) == .shrank(from: 48, to: 12))
    #expect(scale.update(gradientsAreFinite: false) == .shrank(from: 12, to: 5))
  }

  @Test func aFixedScaleNeverChangesNorSkips() {
    var scale = LossScale.fixed(128)
    let untouched = scale
    for isFinite in [true, false, true] {
      let event = scale.update(gradientsAreFinite: isFinite)
      #expect(event == .unchanged && event.appliesStep)
    }
    #expect(scale == untouched && !scale.isDynamic && scale.value == 128 && scale.dynamics == nil)
  }

  @Test func strangeNumbersDoNotTrap() throws {
    for initial in [0, -2, Float.infinity, .nan, .leastNonzeroMagnitude] {
      var scale = LossScale.dynamic(initialScale: initial, growthInterval: .min)
      _ = scale.update(gradientsAreFinite: true)
      _ = scale.update(gradientsAreFinite: false)
    }
    var fromFile = try JSONDecoder().decode(
      LossScale.self,
      from: Data(
        """
        {"initialScale": 8, "value": 8, "goodSteps": \(Int.max), "dynamics": {"growthInterval": \(Int.max),
        "growthFactor": 2, "backoffFactor": 0.5, "floor": 1}}
        """.utf8))
    #expect(fromFile.update(gradientsAreFinite: true) == .grew(from: 8, to: 16))
  }

  @Test func codingKeepsTheProgress() throws {
    var scale = LossScale.dynamic(initialScale: 64, growthInterval: 2)
    for isFinite in [true, true, true] { _ = scale.update(gradientsAreFinite: isFinite) }
    for original in [scale, .fixed(4)] {
      let copy = try JSONDecoder().decode(LossScale.self, from: JSONEncoder().encode(original))
      #expect(copy == original)
    }
  }
}
