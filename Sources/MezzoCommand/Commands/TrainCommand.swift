import ArgumentParser
import Mezzo

struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a network on images and tell how it was computed.",
    discussion: """
      The network: --model, and behind it one output for each class, whose logits are float32 (float64 under float64). \
      Under a policy that computes in float16 the loss is scaled by itself.

        mezzo train --data mnist --policy mixed_bfloat16 --layers 512,512
        mezzo train --data mnist --model cnn --optimizer adamw --learning-rate 0.002 --warmup 100
        mezzo train --data mnist --model cnn --policies float32,mixed_bfloat16,mixed_float16 --plot losses.svg
        mezzo train --json > run.json        # the digits that come with Mezzo

      The same seed, data, policy and backends give the same weights bit for bit. So does a training that was interrupted \
      with Ctrl-C, or killed, and goes on from its checkpoint:

        mezzo train --epochs 50 --checkpoint runs/1
        mezzo train --epochs 50 --checkpoint runs/1 --resume
      """)

  @Option(
    help: ArgumentHelp(
      """
      A directory with IDX files as MNIST names them (train-images-idx3-ubyte, train-labels-idx1-ubyte, \
      t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte), plain or .gz. (default: 1,797 digits of 8×8 that come with Mezzo)
      """, valueName: "directory"))
  var data: String?

  @OptionGroup var model: ModelOptions

  @Option(
    help: ArgumentHelp(
      "Train once under each of these policies, with commas between, instead of under --policy.", valueName: "names"),
    transform: Arguments.policies)
  var policies: PolicyList?

  @Option(
    help: ArgumentHelp(
      "Also draw the loss, the accuracy, time and memory under each policy into this file, as SVG.", valueName: "file"))
  var plot: String?

  @Option(help: "Passes over the training images. (default: 3)", transform: Arguments.positive)
  var epochs = 3

  @Option(
    help: "Images in a step. (default: 128; 32 for the digits that come with Mezzo)", transform: Arguments.positive)
  var batch: Int?

  @Option(help: "Of the first weights and of the order of the images.")
  var seed: UInt64 = 0

  @Flag(help: "Print no progress and no notes on standard error, errors alone.")
  var quiet = false

  @Option(
    help: ArgumentHelp(
      "Train only if the routes are those that --lock wrote to this file.", valueName: "file"))
  var locked: String?

  @Option(help: ArgumentHelp("Write the routes of the step to this file, for --locked.", valueName: "file"))
  var lock: String?

  @OptionGroup var checkpoint: CheckpointOptions
  @Option(
    help: ArgumentHelp(
      """
      Save the trained model: in a directory, or with a name that ends in .safetensors or .npz its weights alone.
      """, valueName: "path"))
  var save: String?

  @Option(
    help: ArgumentHelp(
      "What floating weights are rounded to in the file, whatever the policy. (default: what the policy stores)",
      valueName: "dtype"), transform: Arguments.floating)
  var saveDtype: DType?

  @OptionGroup var routing: RoutingArguments
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if policies != nil, model.policy != nil {
      throw ValidationError("expected --policy or --policies; found both: leave one out")
    }
    if policies?.policies.count ?? 1 > 1, checkpoint.checkpoint != nil {
      throw ValidationError("--checkpoint is of one training; found several --policies: train under one at a time")
    }
    if policies?.policies.count ?? 1 > 1, lock != nil {
      throw ValidationError("--lock is of one training; found several --policies: train under one at a time")
    }
    if policies?.policies.count ?? 1 > 1, save != nil {
      throw ValidationError("--save is of one training; found several --policies: train under one at a time")
    }
    guard saveDtype == nil || save != nil else { throw ValidationError("expected --save with --save-dtype") }
  }

  func run() async throws {
    output.begin()
    let optimizer = try model.optimizer.setting(for: model.model)
    let (train, test) = try data.map { try DataSet.idx(directory: $0) } ?? DataSet.digits()
    if train.count == 0 { throw TrainingError.emptyDataSet(name: "training") }
    if test.count == 0 { throw TrainingError.emptyDataSet(name: "test") }
    if !quiet { Runtime.shared.registry.noteRefused() }
    let network = model.network(example: train.exampleShape, classes: DataSet.classes(train, test))
    var experiment = Experiment(
      network: network, train: train, test: test, epochs: epochs, batch: batch ?? (data == nil ? 32 : 128), seed: seed,
      optimizer: optimizer, runtime: try routing.runtime(), lock: try locked.map { try RouteLock(contentsOf: $0) },
      lockPath: lock)
    let policies = policies?.policies ?? [model.resolvedPolicy]
    let width = policies.map(\.name.count).max() ?? 0
    if let save { try ModelFolder.prepare(save) }
    let (checkpoint, isResuming) = (checkpoint.checkpoint, checkpoint.resume)
    var reports: [TrainingReport] = []
    for policy in policies {
      experiment.network.policy = policy
      let (experiment, bar) = (experiment, quiet ? nil : ProgressBar(policy.name.padded(to: width)))
      let result = try await Interruption.watching(
        advice: checkpoint.map { "'mezzo train' with the same options and --resume goes on from \($0.last)" }
      ) {
        try await experiment.run(showing: bar, checkpoint: checkpoint, isResuming: isResuming)
      }
      if let save { try ModelFolder.save(result.model, to: save, dtype: saveDtype) }
      let report = result.report
      if !output.json {
        if !reports.isEmpty { print() }
        TrainingSummary(report, policy: policy).print()
      }
      reports.append(report)
    }
    if output.json {
      if self.policies == nil, let report = reports.first { try printJSON(report) } else { try printJSON(reports) }
    }
    // Last, so that a file that cannot be written does not take the results with it.
    if let plot { try write(TrainingPicture(reports).svg(), to: plot) }
  }
}
