import Foundation
import MezzoPolicy
import Testing

/// The same steps under the settings of each system: f is a step with finite gradients, n one without.
@Suite struct LossScalePresetTests {
  struct Trace: Sendable, CustomTestStringConvertible {
    let system: String
    let scale: LossScale
    let steps: String
    let scales: [Float]
    let goodSteps: [Int]

    var testDescription: String { "\(system) \(steps)" }
  }

  static let traces: [Trace] = [
    Trace(
      system: "keras3", scale: .keras3(initialScale: 8, growthInterval: 3), steps: "ffffnf",
      scales: [8, 8, 16, 16, 8, 8], goodSteps: [1, 2, 0, 1, 0, 1]),
    Trace(
      system: "keras3 without a floor of 1", scale: .keras3(initialScale: 1.5), steps: "nnn",
      scales: [0.75, 0.375, 0.1875], goodSteps: [0, 0, 0]),
    Trace(
      system: "keras3 with an interval of 0", scale: .keras3(initialScale: 4, growthInterval: 0), steps: "fff",
      scales: [4, 4, 4], goodSteps: [1, 2, 3]),
    Trace(
      system: "keras3 without its infinity", scale: .keras3(initialScale: 0x1p127, growthInterval: 1), steps: "ffn",
      scales: [0x1p127, 0x1p127, 0x1p126], goodSteps: [0, 0, 0]),
    Trace(
      system: "jmp", scale: .jmp(2, period: 2), steps: "ffnnn", scales: [2, 4, 2, 1, 1], goodSteps: [1, 0, 0, 0, 0]),
    Trace(
      system: "jmp with another factor and floor", scale: .jmp(16, period: 1, factor: 4, minimumScale: 0.5),
      steps: "fnnnnn", scales: [64, 16, 4, 1, 0.5, 0.5], goodSteps: [0, 0, 0, 0, 0, 0]),
    Trace(
      system: "flax", scale: .flax(initialScale: 8, growthInterval: 3), steps: "ffffffnf",
      scales: [8, 8, 8, 16, 16, 16, 8, 8], goodSteps: [1, 2, 3, 0, 1, 2, 0, 1]),
    Trace(
      system: "flax at the end of Float", scale: .flax(initialScale: 0x1p127, growthInterval: 1), steps: "ffffn",
      scales: [
        0x1p127, .greatestFiniteMagnitude, .greatestFiniteMagnitude, .greatestFiniteMagnitude,
        .greatestFiniteMagnitude / 2,
      ], goodSteps: [1, 0, 1, 0, 0]),
    Trace(
      system: "apex", scale: .apex(initialScale: 0x1p23, window: 1), steps: "ffn", scales: [0x1p24, 0x1p24, 0x1p23],
      goodSteps: [0, 0, 0]),
    Trace(
      system: "apex between powers of two", scale: .apex(initialScale: 0x1.8p23, window: 1), steps: "ff",
      scales: [0x1p24, 0x1p24], goodSteps: [0, 0]),
  ]

  @Test(arguments: traces) func follows(trace: Trace) {
    var scale = trace.scale
    for (index, step) in trace.steps.enumerated() {
      #expect(scale.update(gradientsAreFinite: step == "f").appliesStep == (step == "f"))
      #expect(scale.value == trace.scales[index], "step \(index)")
      #expect(scale.goodSteps == trace.goodSteps[index], "step \(index)")
    }
  }

  @Test func torchGrowsAtTheNthStepAndHasNoFloorOfOne() throws {
    var scale = try LossScale.torch(initialScale: 1, growthInterval: 2)
    let scales = "ffnnff".map { step in
      _ = scale.update(gradientsAreFinite: step == "f")
      return scale.value
    }
    #expect(scales == [1, 2, 1, 0.5, 0.5, 1])
    #expect(try LossScale.torch().value == 65536)
  }

  @Test func torchRefusesWhatCannotMove() throws {
    #expect(throws: LossScaleError.growthFactor(1)) { try LossScale.torch(growthFactor: 1) }
    #expect(throws: LossScaleError.backoffFactor(1)) { try LossScale.torch(backoffFactor: 1) }
    #expect(throws: LossScaleError.self) { try LossScale.torch(growthFactor: .nan) }
    #expect(try LossScale.torch(initialScale: -1, growthInterval: 0).value == -1)
  }

  @Test func onlyTensorFlowCountsSkippedSteps() throws {
    #expect(LossScale.dynamic().countsSkippedSteps)
    let others = [LossScale.keras3(), try .torch(), .jmp(8), .flax(), .apex()]
    #expect(others.allSatisfy { !$0.countsSkippedSteps })
  }

  /// 300 halvings lead from any scale below the smallest float.
  @Test func noScaleEverBecomesZeroOrInfinite() throws {
    for preset in [LossScale.dynamic(), .keras3(), try .torch(), .jmp(32768), .flax(), .apex()] {
      var scale = preset
      for _ in 0..<300 { _ = scale.update(gradientsAreFinite: false) }
      #expect(scale.value >= .leastNormalMagnitude && (1 / scale.value).isFinite)
      scale.restore(value: .greatestFiniteMagnitude, goodSteps: (scale.dynamics?.growthInterval ?? 1) - 1)
      for _ in 0..<2 { _ = scale.update(gradientsAreFinite: true) }
      #expect(scale.value.isFinite)
    }
  }

  @Test func restoringContinuesBitForBit() {
    var original = LossScale.flax(initialScale: 3, growthInterval: 2)
    for step in "fnffff" { _ = original.update(gradientsAreFinite: step == "f") }
    var restored = LossScale.flax(initialScale: 3, growthInterval: 2)
    restored.restore(value: original.value, goodSteps: original.goodSteps)
    for step in "ffnff" {
      #expect(original.update(gradientsAreFinite: step == "f") == restored.update(gradientsAreFinite: step == "f"))
    }
    #expect(original == restored)
    var fixed = LossScale.fixed(4)
    fixed.restore(value: 8, goodSteps: 3)
    #expect(fixed.value == 8 && fixed.goodSteps == 0)
  }

  /// What a file may bring.
  @Test(
    arguments: [LossScale.Dynamics.GrowthTrigger.nthStepOrLater, .nthStep, .stepAfterNth], [Int.min, -1, 0, 1, .max])
  func strangeCountsDoNotTrap(trigger: LossScale.Dynamics.GrowthTrigger, interval: Int) {
    for count in [Int.min, -1, 0, 1, .max] {
      var scale = LossScale(
        initialScale: 8, dynamics: LossScale.Dynamics(growthInterval: interval, growthTrigger: trigger))
      scale.restore(value: 8, goodSteps: count)
      for _ in 0..<3 { _ = scale.update(gradientsAreFinite: true) }
      #expect(scale.value.isFinite)
    }
  }

  @Test func codingKeepsEverySetting() throws {
    for original in [LossScale.dynamic(), .keras3(), .flax(minimumScale: 2), .apex(), .fixed(2)] {
      #expect(try JSONDecoder().decode(LossScale.self, from: JSONEncoder().encode(original)) == original)
    }
  }
}
