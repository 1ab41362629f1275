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
    let choices = survey.requests.filter { tuning.omission($0) == nil }
    let omitted = survey.requests.compactMap { request in tuning.omission(request).map { (request, $0) } }
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
    let report = TuneReport(tuning.items, omitted: omitted, old, new, file: path)
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
  var untimed: [Untimed]
  /// Classes of operations that take another route now.
  var changed: [String]
  var file: String

  struct Operation: Encodable {
    var operation: String
    var times: [Tuning.Time]
  }

  /// Operations that were not timed, and why.
  struct Untimed: Encodable {
    var operation: String
    /// How many, of different shapes or dtypes.
    var count: Int
    var reason: Tuning.Omission
  }

  init(
    _ items: [Tuning.Item], omitted: [(OperationRequest, Tuning.Omission)], _ old: Explanation, _ new: Explanation,
    file: String
  ) {
    operations = items.map { Operation(operation: $0.request.description, times: $0.times) }
    untimed = []
    for (request, reason) in omitted {
      let name = request.code.name
      if let index = untimed.firstIndex(where: { $0.operation == name && $0.reason == reason }) {
        untimed[index].count += 1
      } else {
        untimed.append(Untimed(operation: name, count: 1, reason: reason))
      }
    }
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
    for reason in Tuning.Omission.allCases {
      let names = untimed.filter { $0.reason == reason }.map { "\($0.operation) (\($0.count))" }
      if !names.isEmpty { lines.append("Not timed, as \(reason.rawValue): \(names.joined(separator: ", ")).") }
    }
    if operations.contains(where: { $0.times.contains { $0.how != "direct" } }) {
      lines.append("The conversions that a rule of other dtypes needs around it keep their estimates.")
    }
    lines.append(changed.isEmpty ? "All routes stay as they were." : "Other routes now:")
    lines += changed.flatMap { $0.split(separator: "\n").map { "  \($0)" } }
    lines.append("kept in \(file)")
    return lines
  }
}
