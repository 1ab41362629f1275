import ArgumentParser
import Mezzo

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Train the same network under three policies and compare them.",
    discussion: """
      The digits that come with Mezzo, under float32, mixed_bfloat16 and mixed_float16: the same data, seed and \
      network (\(Demo.description)).

      Then accuracy, time and memory side by side, and who computed what.

        mezzo demo
        mezzo demo --seed 7 --picture demo.svg
      """)

  @Option(
    help: ArgumentHelp("Passes over the 1,438 training images. (default: \(Demo.epochs))"),
    transform: Arguments.positive)
  var epochs = Demo.epochs

  @Option(help: "Of the first weights and of the order of the images.")
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Also draw curves and bars into this file, as SVG.", valueName: "file"))
  var picture: String?

  @OptionGroup var output: OutputOptions

  func run() async throws {
    output.begin()
    Runtime.shared.registry.noteRefused()
    let demo = try Demo(epochs: epochs, seed: seed)
    var results: [Experiment.Result] = []
    for policy in Demo.policies {
      let label = policy.name.padded(to: Demo.labelWidth)
      results.append(try await demo.experiment(policy).run(showing: ProgressBar(label)))
    }
    let reports = results.map(\.report)
    if output.json { try printJSON(reports) } else { try DemoSummary(demo, results).print() }
    // Last, so that a file that cannot be written does not take the results with it.
    if let picture {
      try write(TrainingPicture(reports).svg(), to: picture)
      if !output.json { print("\nThe picture is in \(picture).") }
    }
  }
}
