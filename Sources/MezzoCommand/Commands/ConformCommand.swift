import ArgumentParser

struct ConformCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conform",
    abstract: "Compare Mezzo with what other systems did.",
    discussion: """
      Golden files hold what TensorFlow, Keras, PyTorch and jmp really did, case by case.

        mezzo conform golden cases.json --system tf24 --group 'policy.*'
        mezzo conform differences
      """,
    subcommands: [GoldenCommand.self, DifferencesCommand.self])
}
