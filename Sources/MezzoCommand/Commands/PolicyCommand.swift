import ArgumentParser
import Mezzo

struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy",
    abstract: "Show what dtype policies mean, by themselves and in a model.",
    subcommands: [PolicyShowCommand.self, PolicyExplainCommand.self], defaultSubcommand: PolicyShowCommand.self)
}

struct PolicyShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "List the dtype policies, or show what one of them means. (the default)",
    discussion: """
      A policy has a dtype that layers compute in and one that they store variables in. The name of any dtype is a \
      policy of that dtype alone.

        mezzo policy
        mezzo policy mixed_float16
      """)

  @Argument(
    help: ArgumentHelp("The policy to show; all named ones without it.", valueName: "name"),
    transform: Arguments.anyPolicy)
  var policy: DTypePolicy?

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    if let policy {
      let report = PolicyReport(policy, withMatmul: true)
      if output.json { try printJSON(report) } else { Self.show(report) }
    } else {
      let reports = PolicyReport.named.map { PolicyReport($0, withMatmul: false) }
      if output.json { try printJSON(reports) } else { Self.list(reports) }
    }
  }

  private static func list(_ reports: [PolicyReport]) {
    let style = Style(for: .output)
    let width = Console.columns(of: .output) - 44
    print(style.dim("policy          computes     stores       meaning"))
    for report in reports {
      let lines = report.meaning.wrapped(to: width)
      let cells = [
        style.bold(report.name.padded(to: 14)), report.computeDType.text.padded(to: 11),
        report.variableDType.text.padded(to: 11), lines.first ?? "",
      ]
      print(cells.joined(separator: "  "))
      for line in lines.dropFirst() { print(String(repeating: " ", count: 42) + line) }
    }
    print("\nThe name of any other dtype is a policy too. In effect by default: \(style.bold(globalPolicy().name)).")
  }

  private static func show(_ report: PolicyReport) {
    let style = Style(for: .output)
    let columns = Console.columns(of: .output)
    print(style.bold(report.name))
    let facts = [
      ("computes in", report.computeDType.text), ("stores in", report.variableDType.text),
      ("loss scaling", report.lossScaling ? "dynamic, by itself" : "none"), ("layers", report.layers),
      ("meaning", report.meaning), ("matmul", report.matmul?.text ?? "–"),
    ]
    for (name, text) in facts {
      for (index, line) in text.wrapped(to: columns - 16).enumerated() {
        print("  \((index == 0 ? name : "").padded(to: 12))  \(line)")
      }
    }
  }
}

extension OrNull<String> {
  fileprivate var text: String { value ?? "the input's" }
}
