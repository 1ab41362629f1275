import ArgumentParser

/// `mezzo backends` under the name that goes with the other commands about backends.
struct BackendListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: BackendsCommand.configuration.abstract,
    discussion: BackendsCommand.configuration.discussion)

  @OptionGroup var output: OutputOptions

  func run() async throws {
    var command = BackendsCommand()
    command.output = output
    try await command.run()
  }
}
