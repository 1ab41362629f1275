import ArgumentParser
import Mezzo

struct BackendsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backends",
    abstract: "List the backends: what each takes, or why it was refused.",
    discussion: """
      Backends are the one linked into Mezzo, the libraries and manifests that MEZZO_BACKEND_PATH names, those in the \
      folders mezzo/backends.d of your configuration and of the system, and Mezzo's own beside this program. Those of \
      others are first tried in a process of their own; what fails there stays in quarantine until its file changes. \
      MEZZO_DEBUG=loader tells every decision.

        mezzo backends
        MEZZO_BACKEND_PATH=$PWD/libMyBackend.so mezzo backends --json
      """)

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let reports = Runtime.shared.registry.entries.map(BackendReport.init)
    if output.json { return try printJSON(reports) }
    Self.show(reports)
  }

  static func show(_ reports: [BackendReport]) {
    let style = Style(for: .output)
    let columns = Console.columns(of: .output)
    for (index, report) in reports.enumerated() {
      if index > 0 { print() }
      show(report, style, columns)
    }
  }

  private static func show(_ report: BackendReport, _ style: Style, _ columns: Int) {
    let state =
      switch report.state {
      case .ready: style.green("ready")
      case .refused: style.yellow("refused")
      case .quarantined: style.yellow("quarantined")
      case .absent: style.dim("absent")
      }
    print("\(style.bold(report.name)) \(report.version.value ?? "")".trimmed, " ", state)
    print("  " + style.dim([report.path, report.trust.value].compactMap { $0 }.joined(separator: ", ")))
    for line in (report.reason.value ?? "").wrapped(to: columns - 2) { print("  \(line)") }
    for note in report.notes { for line in note.wrapped(to: columns - 2) { print("  \(line)") } }
    guard report.state == .ready else { return }
    print("  \(report.ruleCount) rules")
    for group in grouped(report.operations) {
      for line in group.dtypes.joined(separator: ", ").wrapped(to: columns - 2) { print("  " + style.cyan(line)) }
      for line in group.names.joined(separator: ", ").wrapped(to: columns - 4) { print("    \(line)") }
    }
  }

  /// Operations of the same dtypes in one line.
  private static func grouped(_ operations: [BackendReport.Operation]) -> [(dtypes: [String], names: [String])] {
    var groups: [(dtypes: [String], names: [String])] = []
    for operation in operations {
      if let place = groups.firstIndex(where: { $0.dtypes == operation.dtypes }) {
        groups[place].names.append(operation.name)
      } else {
        groups.append((operation.dtypes, [operation.name]))
      }
    }
    return groups
  }
}

extension String {
  fileprivate var trimmed: String { last == " " ? String(dropLast()) : self }
}
