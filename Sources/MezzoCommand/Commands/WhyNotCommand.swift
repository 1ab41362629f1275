import ArgumentParser
import Mezzo

struct WhyNotCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why-not",
    abstract: "Show which operations a backend does not take, and why.",
    discussion: """
      The other side of explain: the operations of a step that went elsewhere, grouped by the reason, from the most \
      estimated time on, and what would let the backend take them. Of a backend that was refused it says why.

        mezzo why-not onednn --policy mixed_float16
      """)

  @Argument(help: ArgumentHelp("The backend's id, as in 'mezzo backends'.", valueName: "backend"))
  var backend: String

  @OptionGroup var step: StepOptions
  @OptionGroup var routing: RoutingArguments
  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let runtime = try routing.runtime()
    let explanation = runtime.registry.backends.contains { $0.id == backend } ? try step.explanation(on: runtime) : nil
    try explanation?.checkPins()
    guard let report = WhyNot(backend, explanation?.records ?? [], registry: runtime.registry) else {
      throw ValidationError(
        "expected one of the backends \(runtime.registry.entries.map(\.name).joined(separator: ", ")), found \(backend)"
      )
    }
    if output.json { return try printJSON(report) }
    for line in WhyNotText(report: report, columns: Console.columns(of: .output), style: Style(for: .output)).lines() {
      print(line)
    }
  }
}
