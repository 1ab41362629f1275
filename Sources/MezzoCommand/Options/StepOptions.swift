import ArgumentParser
import Mezzo

/// The step that `explain` and `why-not` speak of: a network, a batch, and whether it is trained.
struct StepOptions: ParsableArguments {
  @OptionGroup var model: ModelOptions

  @Option(help: "Examples in a step. (default: 128)", transform: Arguments.positive)
  var batch = 128

  @Option(help: "Elements of an example. (default: 784)", transform: Arguments.positive)
  var inputs = 784

  @Option(help: "Outputs of the last layer. (default: 10)", transform: Arguments.positive)
  var classes = 10

  @Flag(inversion: .prefixedNo, help: "A step of training, or inference alone.")
  var training = true

  var network: Network {
    Network(hidden: model.layers.widths, classes: classes, policy: model.resolvedPolicy)
  }

  func explanation(on runtime: Runtime) throws -> Explanation {
    let network = network
    try network.checkSize(inputs: inputs)
    let model = network.model(seed: 0, runtime: runtime)
    let features = TensorType(.float32, [batch, inputs])
    if !training { return try model.explain(input: features) }
    return try model.explainTraining(
      features: features, targets: TensorType(.int32, [batch]),
      optimizer: self.model.optimizer.make(learningRate: self.model.learningRate))
  }
}
