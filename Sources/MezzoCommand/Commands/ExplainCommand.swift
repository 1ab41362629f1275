import ArgumentParser
import Mezzo

struct ExplainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Show who would compute what, and why, without training.",
    discussion: """
      For each operation of a step of training: its layer, its dtypes, the backend and the rule that take it, what is \
      converted for them, and the reason. With --all also every rule that was looked at.

        mezzo explain --policy mixed_float16
        mezzo explain --policy mixed_bfloat16 --no-training --all
        mezzo explain --layer '*dense_1'
        mezzo explain --lock routes.lock       # write the routes down
        mezzo explain --locked routes.lock     # exit status 1 if they are others now
      """)

  @OptionGroup var step: StepOptions

  @Option(
    help: ArgumentHelp(
      "Also print, for layers whose path matches ('*' stands for anything), each candidate and what would help it.",
      valueName: "pattern"))
  var layer: String?

  @Flag(help: "Also print each rule that was looked at, with its verdict.")
  var all = false

  @Option(help: ArgumentHelp("Write the routes to this file, for --locked.", valueName: "file"))
  var lock: String?

  @Option(
    help: ArgumentHelp(
      "Compare the routes with those of this file, and fail if they differ.", valueName: "file"))
  var locked: String?

  @OptionGroup var routing: RoutingArguments
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let runtime = try routing.runtime()
    let held = try locked.map { try RouteLock(contentsOf: $0) }
    let explanation = try step.explanation(on: runtime)
    try explanation.checkPins()
    let pattern = layer.map { PathPattern($0) }
    if let layer, let pattern, !explanation.layers.contains(where: pattern.matches) {
      throw ValidationError(
        "expected --layer to name a layer, found '\(layer)'; there are \(explanation.layers.joined(separator: ", "))")
    }
    if let lock { try explanation.lock.write(to: lock) }
    let routes = explanation.distinct.map {
      RouteReport($0.record, count: $0.count, withCandidates: all || pattern != nil)
    }.filter { pattern?.matches($0.layer) ?? true }
    if output.json {
      try printJSON(
        Report(
          policy: step.network.policy.name, training: step.training, model: step.network.kind,
          layers: step.network.hidden, batch: step.batch, inputs: step.network.example.reduce(1, *),
          classes: step.classes, memory: explanation.memory,
          estimatedNanoseconds: explanation.estimatedNanoseconds, threads: explanation.threads,
          backends: runtime.registry.entries.map(BackendReport.init), routes: routes))
    } else {
      runtime.registry.noteRefused()
      show(routes, explanation)
    }
    for rebuilt in try held.map({ try explanation.check($0, strict: runtime.router.options.isStrict) }) ?? [] {
      Console.note("\(rebuilt)")
    }
  }

  private func show(_ routes: [RouteReport], _ explanation: Explanation) {
    let style = Style(for: .output)
    let columns = Console.columns(of: .output)
    print(
      style.bold(step.network.policy.name), step.training ? "in a step of training" : "in inference",
      "on \(step.batch) examples, \(Router.duration(explanation.estimatedNanoseconds)) estimated\n")
    for line in RouteTable(routes, columns: columns, style: style).lines() { print(line) }
    for line in "threads: \(explanation.threads)".wrapped(to: columns) { print(line) }
    if all || layer != nil {
      for line in CandidateList(routes, columns: columns, style: style, withAll: all).lines() { print(line) }
    }
  }

  private struct Report: Encodable {
    var policy: String
    var training: Bool
    var model: Network.Kind
    var layers: [Int]
    var batch: Int
    var inputs: Int
    var classes: Int
    var memory: MemorySummary
    var estimatedNanoseconds: Double
    var threads: ThreadPools
    var backends: [BackendReport]
    var routes: [RouteReport]
  }
}
