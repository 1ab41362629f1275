import ArgumentParser

struct BackendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backend",
    abstract: "List backends, approve them, try them again.",
    discussion: """
      A backend is a shared library behind one C header, or a manifest that binds an existing library without any code.

        mezzo backend list
        mezzo backend trust ~/.config/mezzo/backends.d/50-openblas.toml
      """,
    subcommands: [BackendListCommand.self, BackendTrustCommand.self, BackendRetryCommand.self])
}
