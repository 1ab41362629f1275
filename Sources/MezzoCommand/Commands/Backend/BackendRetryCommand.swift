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
    let shipped = files.compactMap(BackendFiles.shippedID)
    for id in shipped { _ = try BackendFiles.measure(id) }
    var registry = BackendRegistry.discovered()
    for file in files
    where BackendFiles.shippedID(file) == nil && !registry.entries.contains(where: { $0.path == file }) {
      registry.load(library: file)
    }
    let reports = registry.entries.filter { files.contains($0.path) || shipped.contains($0.name) }
      .map(BackendReport.init)
    if output.json { return try printJSON(reports) }
    BackendsCommand.show(reports)
  }
}
