import ArgumentParser
import Mezzo
import MezzoConformance
import MezzoPlugins
import MezzoRuntime

struct TuneCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Time who could compute a model's operations, and let routes follow that.",
    discussion: """
      Routes go by what rules declare of their cost, and by what probes measured of one shape. This takes the operations of a \
      model with its very shapes, lets every rule that could do one do it, in turns, and keeps the times beside the verdicts of \
      probes: every program on this machine routes by them from its next start on, as long as the backends are the same builds.

        mezzo tune --policy mixed_bfloat16 --layers 512,512 --batch 128
        mezzo explain --policy mixed_bfloat16 --layers 512,512     # estimates are measurements now
        mezzo tune --forget
      """)

  @OptionGroup var step: StepOptions

  @Flag(help: "Forget everything that was measured, and measure nothing.")
  var forget = false

  @OptionGroup var routing: RoutingArguments
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    if forget {
      _ = try keep(TunedCosts(threads: HostServices.threads))
      return
    }
    let survey = RoutingSurvey()
    let registry = routing.registry
    var options = try routing.options()
    let before = Runtime(registry, options: options, survey: survey)
    let old = try step.explanation(on: before)
    try old.checkPins()
    var tuning = Tuning(before.router)
    let choices = tuning.choices(survey.requests)
    for (index, request) in choices.enumerated() {
      if Console.Stream.error.isTerminal { Console.error("\r\u{1B}[Ktuning \(index + 1) of \(choices.count)") }
      tuning.measure(request)
    }
    if Console.Stream.error.isTerminal, !choices.isEmpty { Console.error("\r\u{1B}[K") }
    var costs = TunedCosts.stored(threads: before.router.threads) ?? TunedCosts(threads: before.router.threads)
    costs.merge(tuning.costs)
    let path = try keep(costs)
    options.tuned = costs
    let new = try step.explanation(on: Runtime(registry, options: options))
    let report = TuneReport(tuning.items, old, new, file: path)
    if output.json { return try printJSON(report) }
    for line in report.lines() { print(line) }
  }
}

extension TuneCommand {
  /// - Returns: where they are now.
  private func keep(_ costs: TunedCosts) throws(OutputError) -> String {
    do {
      return try costs.store()
    } catch {
      throw OutputError(path: TunedCosts.path ?? "tuned.json", reason: "\(error)")
    }
  }
}

/// What was measured, and what it changes.
struct TuneReport: Encodable {
  var operations: [Operation]
  /// Classes of operations that take another route now.
  var changed: [String]
  var file: String

  struct Operation: Encodable {
    var operation: String
    var times: [Tuning.Time]
  }

  init(_ items: [Tuning.Item], _ old: Explanation, _ new: Explanation, file: String) {
    operations = items.map { Operation(operation: $0.request.description, times: $0.times) }
    changed = old.lock.differences(to: new.lock).map(\.description)
    self.file = file
  }

  func lines() -> [String] {
    let rows = operations.flatMap { operation in
      operation.times.sorted { $0.measured < $1.measured }.enumerated().map { place, time in
        [
          place == 0 ? operation.operation : "", "\(time.backend)/\(time.rule)", Router.duration(time.measured),
          Router.duration(time.estimated), time.how == "direct" ? "" : time.how,
        ]
      }
    }
    var lines =
      rows.isEmpty
      ? ["no operation of the model has more than one rule that could do it"]
      : "\(TextTable(header: ["operation", "rule", "measured", "estimated", ""], rows: rows))".split(separator: "\n")
        .map(String.init)
    lines.append("")
    lines.append(changed.isEmpty ? "All routes stay as they were." : "Other routes now:")
    lines += changed.flatMap { $0.split(separator: "\n").map { "  \($0)" } }
    lines.append("kept in \(file)")
    return lines
  }
}
