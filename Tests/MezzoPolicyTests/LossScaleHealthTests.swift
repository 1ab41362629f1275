import Foundation
import MezzoPolicy
import Testing

@Suite struct LossScaleHealthTests {
  /// Steps as a person writes them: `+` finite, `-` not.
  private func events(
    _ steps: String, _ start: LossScale, _ thresholds: LossScaleHealth.Thresholds = .init()
  ) -> [String: [LossScaleHealth.Event]] {
    var (scale, health) = (start, LossScaleHealth(thresholds: thresholds))
    var found: [String: [LossScaleHealth.Event]] = [:]
    for (index, step) in steps.enumerated() {
      let new = health.record(scale.update(gradientsAreFinite: step == "+"), scale: scale.value)
      if !new.isEmpty { found["\(index + 1)"] = new }
    }
    return found
  }

  @Test func aHealthyScaleSaysNothing() {
    #expect(events(String(repeating: "+++-", count: 50), .dynamic(growthInterval: 2)).isEmpty)
    #expect(events(String(repeating: "-", count: 9) + "+", .dynamic()).isEmpty)
  }

  @Test func stuckAtTheFloorIsToldOnceUntilTheScaleHasGrown() {
    let start = LossScale.dynamic(initialScale: 2, growthInterval: 2)
    // 2 → 1, then three skips at 1, with good steps between that do not make it grow; then it grows to 2 and falls again.
    #expect(
      events("---+----++" + "----", start) == [
        "5": [.stuckAtFloor(scale: 1, skips: 3)],
        "10": [.recovered(from: .floor, scale: 2)],
        "14": [.stuckAtFloor(scale: 1, skips: 3)],
      ])
  }

  @Test func fallingIsNotStuck() {
    #expect(events("-----", .dynamic(initialScale: 32), .init(skipsAtFloor: 1)).isEmpty)
    // The step that lifts a scale to its floor could not have been at it.
    #expect(
      events("--", .dynamic(initialScale: 0.5), .init(skipsAtFloor: 1))
        == ["2": [.stuckAtFloor(scale: 1, skips: 1)]])
  }

  @Test func stuckAtTheCeilingIsToldOnceUntilTheScaleHasMoved() {
    let start = LossScale.dynamic(initialScale: 4, growthInterval: 2, ceiling: 8)
    #expect(
      events("++" + "++++" + "++" + "-" + "++" + "++++", start) == [
        "6": [.stuckAtCeiling(scale: 8, droppedGrowths: 2)],
        "9": [.recovered(from: .ceiling, scale: 4)],
        "15": [.stuckAtCeiling(scale: 8, droppedGrowths: 2)],
      ])
  }

  @Test func theLargestFloatIsACeilingToo() {
    let start = LossScale.dynamic(initialScale: .greatestFiniteMagnitude, growthInterval: 1)
    #expect(events("++", start) == ["2": [.stuckAtCeiling(scale: .greatestFiniteMagnitude, droppedGrowths: 2)]])
  }

  @Test(arguments: [1, 2, 10])
  func skipsRunningAreToldAndToldAgain(threshold: Int) {
    let run = String(repeating: "-", count: threshold + 3)
    let told = events(run + "+" + run, .dynamic(initialScale: 0x1p60), .init(skipsRunning: threshold))
    let scale = Float(0x1p60) / Float(1 << threshold)
    #expect(
      told == [
        "\(threshold)": [.skipsRunning(count: threshold, scale: scale)],
        "\(threshold + 4)": [.recovered(from: .skips, scale: Float(0x1p60) / Float(1 << (threshold + 3)))],
        "\(2 * threshold + 4)": [.skipsRunning(count: threshold, scale: scale / Float(1 << (threshold + 3)))],
      ])
  }

  @Test func troublesAtOnceAreToldTogether() {
    var (scale, health) = (LossScale.dynamic(initialScale: 1), LossScaleHealth(thresholds: .init(skipsRunning: 3)))
    var told: [LossScaleHealth.Event] = []
    for _ in 0..<3 { told += health.record(scale.update(gradientsAreFinite: false), scale: scale.value) }
    #expect(told == [.stuckAtFloor(scale: 1, skips: 3), .skipsRunning(count: 3, scale: 1)])
    #expect(health.troubles == [.floor, .skips])
    #expect(told.allSatisfy { $0.isWarning })
    #expect(health.record(scale.update(gradientsAreFinite: true), scale: 1) == [.recovered(from: .skips, scale: 1)])
    #expect(health.troubles == [.floor])
  }

  @Test func theSummaryCountsAllSteps() {
    var (scale, health) = (LossScale.dynamic(initialScale: 8, growthInterval: 2), LossScaleHealth())
    #expect(health.summary.skippedShare == 0 && health.summary.smallestScale == nil)
    for step in "+--+---+++++" { _ = health.record(scale.update(gradientsAreFinite: step == "+"), scale: scale.value) }
    let summary = health.summary
    #expect((summary.steps, summary.skips, summary.longestRun) == (12, 5, 3))
    #expect(summary.skippedShare == 5.0 / 12)
    #expect((summary.smallestScale, summary.largestScale) == (1, 8))
  }

  /// Against a count made in another way: begun and ended take turns, and nothing is told twice.
  @Test(arguments: 0..<50)
  func everyTroubleBeginsAndEndsInTurn(seed: UInt64) {
    var random = Xorshift(state: (seed + 1) &* 0x9E37_79B9_7F4A_7C15)
    var scale = LossScale.dynamic(initialScale: 4, growthInterval: 2, ceiling: 16)
    let thresholds = LossScaleHealth.Thresholds(skipsAtFloor: 2, droppedGrowths: 2, skipsRunning: 4)
    var health = LossScaleHealth(thresholds: thresholds)
    var open: Set<LossScaleHealth.Trouble> = []
    var run = 0
    for _ in 0..<400 {
      let isFinite = random.next() % 8 >= (open.isEmpty ? 4 : 3)
      run = isFinite ? 0 : run + 1
      for event in health.record(scale.update(gradientsAreFinite: isFinite), scale: scale.value) {
        switch event {
        case .stuckAtFloor(let at, _): #expect(open.insert(.floor).inserted && at == 1)
        case .stuckAtCeiling(let at, _): #expect(open.insert(.ceiling).inserted && at == 16)
        case .skipsRunning(let count, _): #expect(open.insert(.skips).inserted && count == 4)
        case .recovered(let trouble, _): #expect(open.remove(trouble) != nil)
        }
      }
      #expect(open == health.troubles)
      #expect(open.contains(.skips) == (run >= 4))
    }
  }

  @Test func eventsAndStateAreCodable() throws {
    var health = LossScaleHealth()
    _ = health.record(.skipped(at: 1), scale: 1)
    let events: [LossScaleHealth.Event] = [
      .stuckAtFloor(scale: 1, skips: 3), .stuckAtCeiling(scale: 2, droppedGrowths: 2),
      .skipsRunning(count: 10, scale: 4), .recovered(from: .skips, scale: 8),
    ]
    func again<Value: Codable>(_ value: Value) throws -> Value {
      try JSONDecoder().decode(Value.self, from: try JSONEncoder().encode(value))
    }
    #expect(try again(health) == health)
    #expect(try again(events) == events)
    #expect(events.allSatisfy { !"\($0)".isEmpty })
  }
}
