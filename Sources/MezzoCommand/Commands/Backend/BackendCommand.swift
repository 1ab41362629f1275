import ArgumentParser

struct BackendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backend",
    abstract: "List backends, make them, test them, approve them.",
    discussion: """
      A backend is a shared library behind one C header, or a manifest that binds an existing library without any code.

        mezzo backend list
        mezzo backend new --lang c fast
        mezzo backend check fast/fast.so
        mezzo backend trust ~/.config/mezzo/backends.d/50-openblas.toml
      """,
    subcommands: [
      BackendListCommand.self, BackendNewCommand.self, BackendCheckCommand.self, BackendTrustCommand.self,
      BackendRetryCommand.self, BackendMeasureCommand.self,
    ])
}
