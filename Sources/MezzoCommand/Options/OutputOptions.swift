import ArgumentParser

/// What all commands understand.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON on standard output, and nothing else there.")
  var json = false

  @Flag(help: "Print Mezzo's log on standard error, from level info on.")
  var verbose = false

  func begin() { NoteHandler.install(verbose: verbose) }
}
