import ArgumentParser
import Mezzo

struct BackendTrustCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust",
    abstract: "Let a library or a manifest be loaded where it is found.",
    discussion: """
      Shows what the file is, and writes its hash to trust.toml in your configuration folder. When the file changes, it is \
      refused until it is approved again. Files that you name yourself in MEZZO_BACKEND_PATH need no approval.

        mezzo backend trust ~/.config/mezzo/backends.d/50-openblas.toml
      """)

  @Argument(help: "A library or a manifest.", completion: .file())
  var file: String

  @Flag(help: "Only show what would be approved.")
  var dryRun = false

  @OptionGroup var output: OutputOptions

  private struct Report: Encodable {
    var path, sha256, trust: String
    var rules, libraries: [String]
    var approvedIn: OrNull<String>
  }

  func run() async throws {
    output.begin()
    let description = try BackendFiles.describe(file)
    if let problem = BackendFiles.trustProblem { Console.note(problem) }
    let place = dryRun ? nil : try BackendFiles.approve(file)
    if output.json {
      return try printJSON(
        Report(
          path: description.path, sha256: description.sha256, trust: description.trust.rawValue,
          rules: description.rules, libraries: description.libraries, approvedIn: OrNull(place)))
    }
    print(description.path)
    print("  sha256 \(description.sha256), until now: \(description.trust.rawValue)")
    if !description.libraries.isEmpty { print("  opens the first of \(description.libraries.joined(separator: ", "))") }
    for rule in description.rules { print("  \(rule)") }
    if description.rules.isEmpty { print("  a library: its code runs as part of every program that uses it") }
    if let place { print("approved in \(place)") }
  }
}
