import ArgumentParser
import Mezzo

struct BackendNewCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "new",
    abstract: "Make a project in which a backend builds, and passes the conformance kit.",
    discussion: """
      The project needs nothing of Mezzo but the header, which is copied into it. `make` builds it, `make check` tests it.

        mezzo backend new --lang rust fast
        cd fast && make && make check
      """)

  @Option(
    help: ArgumentHelp("c, cpp, rust, zig, swift, or manifest: no code against Mezzo at all.", valueName: "language"))
  var lang: Scaffold.Language

  @Argument(help: ArgumentHelp("The backend's id and the folder that is made.", valueName: "name"))
  var name: String

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let scaffold = try Scaffold(lang, name: name)
    try scaffold.write()
    if output.json { return try printJSON(Report(name: name, language: lang.rawValue, files: scaffold.paths)) }
    print("\(name)/ holds a backend in \(lang.title):\n")
    for path in scaffold.paths { print("  \(path)") }
    print("\nNext: cd \(name) && make && make check")
  }

  private struct Report: Encodable {
    var name, language: String
    var files: [String]
  }
}
