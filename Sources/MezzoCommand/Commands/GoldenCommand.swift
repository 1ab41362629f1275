import ArgumentParser
import Mezzo
import MezzoGolden

struct GoldenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "golden",
    abstract: "Run a file of golden cases.",
    discussion: """
      Each case is a question and what a system did with it. It passes if Mezzo does the same; where Mezzo differs on \
      purpose, it is held to what it is stated to do instead. The exit status is 1 if a case failed.

        mezzo conform golden cases.json
        mezzo conform golden cases.json --system tf24 --system keras3 --group 'policy.*' --json
      """)

  @Argument(help: ArgumentHelp("The golden file.", valueName: "file"))
  var file: String

  @Option(
    name: .customLong("system"),
    help: ArgumentHelp("Only cases of this system; can be repeated. (default: all)", valueName: "name"))
  var systems: [String] = []

  @Option(
    name: .customLong("group"),
    help: ArgumentHelp(
      "Only cases of this group, or of all that begin like it if it ends in *; can be repeated. (default: all)",
      valueName: "name"))
  var groups: [String] = []

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let all = try GoldenFile(path: file).entries
    let chosen = all.filter { isChosen($0.testCase) }
    if chosen.isEmpty, !all.isEmpty {
      let groups = Set(all.map(\.testCase.group)).sorted().joined(separator: ", ")
      let systems = Set(all.map(\.testCase.system)).sorted().joined(separator: ", ")
      throw ValidationError(
        "expected --system and --group to choose a case of '\(file)'; its systems are \(systems); its groups \(groups)")
    }
    let progress = GoldenProgress(count: chosen.count)
    let report = await GoldenRunner().run(chosen, progress: progress.show)
    progress.finish()
    if output.json {
      try printJSON(GoldenOutput(report))
    } else {
      GoldenSummary(report).print()
    }
    let failed = report.tally.failed
    if failed > 0 { throw GoldenFailure(count: failed) }
  }

  private func isChosen(_ testCase: GoldenCase) -> Bool {
    (systems.isEmpty || systems.contains(testCase.system))
      && (groups.isEmpty || groups.contains { Self.matches(testCase.group, $0) })
  }

  private static func matches(_ group: String, _ pattern: String) -> Bool {
    pattern.hasSuffix("*") ? group.hasPrefix(pattern.dropLast()) : group == pattern
  }
}

/// Golden cases failed.
struct GoldenFailure: Error, CustomStringConvertible {
  var count: Int

  var description: String { "\(count) golden \(count == 1 ? "case" : "cases") failed" }
}
