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
      """)

  @OptionGroup var model: ModelOptions

  @Option(help: "Examples in a step. (default: 128)", transform: Arguments.positive)
  var batch = 128

  @Option(help: "Elements of an example. (default: 784)", transform: Arguments.positive)
  var inputs = 784

  @Option(help: "Outputs of the last layer. (default: 10)", transform: Arguments.positive)
  var classes = 10

  @Flag(inversion: .prefixedNo, help: "A step of training, or inference alone.")
  var training = true

  @Flag(help: "Also print each rule that was looked at, with its verdict.")
  var all = false

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let policy = model.resolvedPolicy
    let network = Network(hidden: model.layers.widths, classes: classes, policy: policy)
    try network.checkSize(inputs: inputs)
    let model = network.model(seed: 0)
    let features = TensorType(.float32, [batch, inputs])
    let explanation =
      training
      ? try model.explainTraining(
        features: features, targets: TensorType(.int32, [batch]),
        optimizer: self.model.optimizer.make(learningRate: self.model.learningRate))
      : try model.explain(input: features)
    let routes = explanation.distinct.map { RouteReport($0.record, count: $0.count, withCandidates: all) }
    if output.json {
      return try printJSON(
        Report(
          policy: policy.name, training: training, layers: network.hidden, batch: batch, inputs: inputs,
          classes: classes, memory: explanation.memory,
          backends: Runtime.shared.registry.entries.map(BackendReport.init), routes: routes))
    }
    Runtime.shared.registry.noteRefused()
    let style = Style(for: .output)
    print(style.bold(policy.name), training ? "in a step of training" : "in inference", "on \(batch) examples\n")
    for line in RouteTable(routes, columns: Console.columns(of: .output), style: style).lines() { print(line) }
    if all { CandidateList(routes, columns: Console.columns(of: .output), style: style).print() }
  }

  private struct Report: Encodable {
    var policy: String
    var training: Bool
    var layers: [Int]
    var batch: Int
    var inputs: Int
    var classes: Int
    var memory: MemorySummary
    var backends: [BackendReport]
    var routes: [RouteReport]
  }
}
