import ArgumentParser

struct BackendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backend",
    abstract: "Make and test backends.",
    discussion: """
      A backend is a shared library behind one C header, or a manifest that binds an existing library without any code.

        mezzo backend new --lang c fast
        mezzo backend check fast/fast.so
      """,
    subcommands: [BackendNewCommand.self, BackendCheckCommand.self])
}
