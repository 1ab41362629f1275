import ArgumentParser
import Mezzo
import MezzoPlugins

/// The command `mezzo`.
@main
struct RootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mezzo",
    abstract: "Mixed-precision training, and who computes what in it.",
    discussion: """
      One dtype policy decides what layers compute in and what they store. A router sends each operation to a backend \
      that takes these dtypes, and says why.

        mezzo demo
        mezzo train --data mnist --policy mixed_bfloat16
        mezzo explain --policy mixed_float16

      Results go to standard output; progress, notes and errors go to standard error. Colours are left out where the \
      output is no terminal, and where NO_COLOR is set. MEZZO_BACKEND_PATH names more backends, as absolute paths with \
      colons between them; MEZZO_BACKENDS=-onednn leaves one out. \
      MEZZO_ROUTING and MEZZO_PINS say what routing may do, as --routing and --pin; MEZZO_DEBUG=loader,route,call traces. \
      MEZZO_PACK_CACHE=1 keeps packed weights on disk, so that the next command on the same model starts more quickly.

      Exit status: \(ExitStatus.documentation).
      """,
    version: "0.1.0",
    subcommands: [
      TrainCommand.self, DemoCommand.self, ExplainCommand.self, WhyNotCommand.self, BackendsCommand.self,
      BackendCommand.self, TuneCommand.self, CaptureCommand.self, CheckpointCommand.self, PolicyCommand.self,
      ConformCommand.self, BenchCommand.self, ProfileCommand.self, EmbedCommand.self, SimilarityCommand.self,
    ])

  static func main() async {
    do {
      if let problem = DebugTopic.problem { throw ValidationError(problem) }
      let command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        var command = command
        try command.run()
      }
      try finishOutput()
    } catch {
      if let status = ExitStatus(error) {
        Console.error("error: \(error)\n")
        exit(withError: ExitCode(status.rawValue))
      }
      if exitCode(for: error) == .success { exit(withError: error) }
      // The argument parser's text is "Error: …" and the usage below it.
      let text = fullMessage(for: error)
      let label = "Error: "
      Console.error(text.hasPrefix(label) ? "error: \(text.dropFirst(label.count))\n" : "error: \(text)\n")
      exit(withError: exitCode(for: error))
    }
  }
}
