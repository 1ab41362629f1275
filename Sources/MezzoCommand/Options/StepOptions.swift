import ArgumentParser
import Mezzo

/// The step that `explain` and `why-not` speak of: a network, a batch, and whether it is trained.
struct StepOptions: ParsableArguments {
  @OptionGroup var model: ModelOptions

  @Option(help: "Examples in a step. (default: 128)", transform: Arguments.positive)
  var batch = 128

  @Option(
    help: ArgumentHelp(
      "The shape of an example, with commas between. (default: 784; 28,28 for images)", valueName: "shape"),
    transform: Arguments.shape)
  var inputs: ExampleShape?

  @Option(help: "Outputs of the last layer. (default: 10)", transform: Arguments.positive)
  var classes = 10

  @Flag(inversion: .prefixedNo, help: "A step of training, or inference alone.")
  var training = true

  var network: Network {
    model.network(example: inputs?.extents ?? (model.model == .dense ? [784] : [28, 28]), classes: classes)
  }

  func explanation(on runtime: Runtime) throws -> Explanation {
    let network = network
    try network.checkSize()
    let model = try network.model(seed: 0, runtime: runtime)
    let features = TensorType(.float32, [batch] + network.example)
    if !training { return try model.explain(input: features) }
    return try model.explainTraining(
      features: features, targets: TensorType(.int32, [batch]),
      optimizer: self.model.optimizer.setting(for: network.kind).make(steps: 1))
  }
}
