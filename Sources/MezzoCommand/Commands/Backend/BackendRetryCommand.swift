import ArgumentParser
import Mezzo

struct BackendRetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry",
    abstract: "Probe a backend again, such as one in quarantine.",
    discussion: """
      Forgets what the last probe found, and lists the backends anew.

        mezzo backend retry openblas
        mezzo backend retry ./libfast.so
      """)

  @Argument(help: "A backend's id, or its file.")
  var backend: String

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    let files = BackendFiles.forget(backend)
    guard !files.isEmpty else {
      throw ValidationError(
        "expected the id or the file of a probed backend, found \(backend); 'mezzo backend list' has them")
    }
    var registry = BackendRegistry.discovered()
    for file in files where !registry.entries.contains(where: { $0.path == file }) { registry.load(library: file) }
    let reports = registry.entries.filter { files.contains($0.path) }.map(BackendReport.init)
    if output.json { return try printJSON(reports) }
    BackendsCommand.show(reports)
  }
}
