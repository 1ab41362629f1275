import ArgumentParser
import Mezzo

struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a dense network on images and tell how it was computed.",
    discussion: """
      The network: images flattened, the hidden layers with ReLU, and one output for each class, whose logits are \
      float32 (float64 under float64). Under a policy that computes in float16 the loss is scaled by itself.

        mezzo train --data mnist --policy mixed_bfloat16 --layers 512,512
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
      "Train only if the routes are those that 'mezzo explain --lock' wrote to this file.", valueName: "file"))
  var locked: String?

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

  @OptionGroup var checkpoint: CheckpointOptions
  @OptionGroup var routing: RoutingArguments
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard saveDtype == nil || save != nil else { throw ValidationError("expected --save with --save-dtype") }
  }

  func run() async throws {
    output.begin()
    let (train, test) = try data.map { try DataSet.idx(directory: $0) } ?? DataSet.digits()
    if train.count == 0 { throw TrainingError.emptyDataSet(name: "training") }
    if test.count == 0 { throw TrainingError.emptyDataSet(name: "test") }
    if !quiet { Runtime.shared.registry.noteRefused() }
    let policy = model.resolvedPolicy
    let network = Network(hidden: model.layers.widths, classes: DataSet.classes(train, test), policy: policy)
    try network.checkSize(inputs: train.exampleShape.reduce(1, *))
    let experiment = Experiment(
      network: network,
      train: train, test: test, epochs: epochs, batch: batch ?? (data == nil ? 32 : 128), seed: seed,
      optimizer: model.optimizer, learningRate: model.learningRate,
      runtime: try routing.runtime(), lock: try locked.map { try RouteLock(contentsOf: $0) })
    let (checkpoint, isResuming) = (checkpoint.checkpoint, checkpoint.resume)
    let bar = quiet ? nil : ProgressBar(policy.name)
    if let save { try ModelFolder.prepare(save) }
    let result = try await Interruption.watching(
      advice: checkpoint.map { "'mezzo train' with the same options and --resume goes on from \($0.last)" }
    ) {
      try await experiment.run(showing: bar, checkpoint: checkpoint, isResuming: isResuming)
    }
    if let save { try ModelFolder.save(result.model, to: save, dtype: saveDtype) }
    let report = result.report
    if output.json {
      try printJSON(report)
    } else {
      TrainingSummary(report, policy: policy).print()
    }
  }
}
