import ArgumentParser
import Mezzo

struct ProfileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profile",
    abstract: "Show where the time of a running model goes, operation by operation.",
    discussion: """
      Runs 'train', 'embed', 'similarity' or 'bench' as it stands behind the options, and notes when each operation ran. A \
      table of the plan that took the most time goes to standard output; what the command itself prints goes to standard error.

        mezzo profile bench W1 --policy mixed_bfloat16
        mezzo profile --page profile.html --trace profile.json train --epochs 1
        mezzo profile --json embed texts.txt

      --page is one HTML file: the run as a timeline, a table, and how far each operation is from what was measured of this \
      machine. --trace opens in ui.perfetto.dev or chrome://tracing.
      """)

  @Option(help: ArgumentHelp("Write a page to look at, as HTML.", valueName: "file"))
  var page: String?

  @Option(help: ArgumentHelp("Write all runs in the trace event format, as JSON.", valueName: "file"))
  var trace: String?

  @Argument(
    parsing: .captureForPassthrough, help: ArgumentHelp("The command that runs the model.", valueName: "command"))
  var command: [String]

  @OptionGroup var output: OutputOptions

  private struct Report: Encodable {
    var command: String
    var runs: Int
    var operations: Int
    var medianMilliseconds: Double
    var betweenMilliseconds: Double
    var ceiling: Ceiling
    var rows: [ProfileSummary.Row]
  }

  func validate() throws {
    if let page, page == trace {
      throw ValidationError("expected --page and --trace to name two files, found '\(page)' for both")
    }
  }

  func run() async throws {
    if ["--help", "-h"].contains(command.first) { throw CleanExit.helpRequest(Self.self) }
    output.begin()
    // What cannot be written is to be known before a long run, not behind it.
    for file in [page, trace].compactMap({ $0 }) { try write("", to: file) }
    let profiler = Profiler()
    let failure = try await Observation.$profiler.withValue(profiler) {
      try await ForwardedCommand.run(
        command, of: [TrainCommand.self, EmbedCommand.self, SimilarityCommand.self, BenchCommand.self])
    }
    if let failure { throw failure }
    let profile = profiler.profile
    guard let summary = ProfileSummary(profile, ceiling: .measured()) else {
      throw ValidationError("no operation ran; give the model something to do")
    }
    let words = command.joined(separator: " ")
    try show(summary, words)
    if let trace { try write(try jsonText(ProfileTrace(profile)), to: trace) }
    if let page { try write(ProfilePage(summary, title: "mezzo \(words)").html(), to: page) }
  }

  private func show(_ summary: ProfileSummary, _ words: String) throws {
    if output.json {
      return try printJSON(
        Report(
          command: words, runs: summary.runs.count, operations: summary.calls.count,
          medianMilliseconds: summary.medianMilliseconds, betweenMilliseconds: summary.betweenMilliseconds,
          ceiling: summary.ceiling, rows: summary.rows))
    }
    print(
      "\(summary.runs.count) runs of \(summary.calls.count) operations, median "
        + "\(Format.milliseconds(summary.medianMilliseconds)), of which "
        + "\(Format.milliseconds(summary.betweenMilliseconds)) beside them")
    print(summary.table)
  }
}
