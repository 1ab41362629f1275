import ArgumentParser
import Mezzo
import MezzoGolden

struct DifferencesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "differences",
    abstract: "List where Mezzo differs from other systems on purpose.",
    discussion: """
      Also why some cases of golden files are not run.

        mezzo conform differences
        mezzo conform differences --markdown > Docs/Differences.md
      """)

  @Flag(help: "Print the page of the documentation.")
  var markdown = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if markdown && output.json { throw ValidationError("expected --markdown or --json, not both") }
  }

  func run() async throws {
    output.begin()
    if markdown { return print(DifferencesDocument().markdown, terminator: "") }
    let report = Report()
    if output.json { return try printJSON(report) }
    let style = Style(for: .output)
    let width = Console.columns(of: .output) - 14
    for difference in report.differences {
      print("\(style.bold(difference.title))  \(difference.systems.joined(separator: ", "))")
      let facts = [
        ("cases", "\(difference.groups.joined(separator: ", ")): \(difference.cases)"),
        ("Mezzo", difference.behaviour), ("why", difference.reason),
      ]
      for (name, text) in facts { Self.show(name, text, width) }
    }
    print("\n\(style.bold("Cases that are not run"))")
    for (kind, reason) in report.skips.sorted(by: { $0.key < $1.key }) { Self.show(kind, reason, width) }
  }

  private static func show(_ name: String, _ text: String, _ width: Int) {
    for (index, line) in text.wrapped(to: width).enumerated() {
      print("  \((index == 0 ? name : "").padded(to: 14))  \(line)")
    }
  }

  private struct Report: Encodable {
    var differences: [Difference]
    /// Reasons by the kind of what is not run.
    var skips: [String: String]

    struct Difference: Encodable {
      var title: String
      var groups: [String]
      var systems: [String]
      var cases: String
      var behaviour: String
      var reason: String
    }

    init() {
      differences = GoldenRunner().differences.map { groups, difference in
        Difference(
          title: difference.title, groups: groups, systems: difference.systems, cases: difference.cases,
          behaviour: difference.behaviour, reason: difference.reason)
      }
      skips = Dictionary(uniqueKeysWithValues: GoldenSkip.allCases.map { ($0.rawValue, $0.reason) })
    }
  }
}
