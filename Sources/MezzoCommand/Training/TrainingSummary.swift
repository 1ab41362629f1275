import Mezzo

/// What a person reads of one training.
struct TrainingSummary {
  private let report: TrainingReport
  private let policy: DTypePolicy
  private let style = Style(for: .output)
  private let columns = Console.columns(of: .output)

  /// Events that are told one by one; a training that skips more has them in its JSON.
  private static let eventLimit = 8

  init(_ report: TrainingReport, policy: DTypePolicy) {
    self.report = report
    self.policy = policy
  }

  func print() {
    let epochs = report.epochs.count
    let length = "\(epochs) epoch\(epochs == 1 ? "" : "s") in steps of \(report.batch)"
    Swift.print(
      style.bold(report.policy), "on \(Format.grouped(report.examples)) images, \(length), seed \(report.seed)\n")
    for (name, value) in facts { Swift.print("  \(name.padded(to: 15)) \(value)") }
    let indent = String(repeating: " ", count: 18)
    let events = report.lossScaleEvents
    for event in events.prefix(Self.eventLimit) {
      for line in event.text.wrapped(to: columns - indent.count) { Swift.print(indent + style.dim(line)) }
    }
    if events.count > Self.eventLimit {
      Swift.print(indent + style.dim("and \(events.count - Self.eventLimit) more"))
    }
    for event in report.lossScaleHealth {
      for line in event.text.wrapped(to: columns - indent.count) {
        Swift.print(indent + (event.isWarning ? style.yellow(line) : style.dim(line)))
      }
    }
    Swift.print("\n" + style.bold("Routing"))
    for line in RouteTable(report.routes, columns: columns, style: style).lines() { Swift.print(line) }
  }

  private var facts: [(name: String, value: String)] {
    [
      (
        "test accuracy",
        style.green(Format.percent(report.testAccuracy.value))
          + (report.testLoss.value.map { ", loss \(Format.fixed($0, 4))" } ?? "")
      ),
      ("time per step", "\(Format.milliseconds(report.stepMilliseconds)), the median"),
      ("weights", weights),
      ("activations", "\(Format.bytes(report.memory.activations)) for a step"),
      ("loss scale", lossScale),
    ]
  }

  private var weights: String {
    let stored = Format.bytes(report.weightBytes) + (policy.variableDType.map { " in \($0)" } ?? "")
    let copies = report.memory.castVariables
    if copies == 0 { return "\(stored), no copies" }
    return "\(stored), copies" + (policy.computeDType.map { " for \($0)" } ?? "") + " \(Format.bytes(copies))"
  }

  private var lossScale: String {
    guard let scale = report.lossScale.value else { return "none: nothing computes in float16" }
    let skipped = report.skippedSteps
    var text = "\(Format.scale(scale)), \(skipped) step\(skipped == 1 ? "" : "s") skipped"
    if skipped > 0, let summary = report.lossScaleSummary.value {
      text += " (\(Format.percent(summary.skippedShare))), at most \(summary.longestRun) in a row"
    }
    return text
  }
}
