import ArgumentParser
import Mezzo

/// The network that `train` and `explain` speak of.
struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A policy: mixed_bfloat16, mixed_float16, or a floating dtype. (default: the global one, float32)",
      valueName: "name"),
    transform: Arguments.policy)
  var policy: DTypePolicy?

  @Option(
    help: ArgumentHelp("Units of the hidden layers, with commas between. (default: 512,512)", valueName: "units"),
    transform: Arguments.layers)
  var layers = LayerWidths(widths: [512, 512])

  @Option(help: "What follows the gradients.")
  var optimizer = OptimizerName.adam

  @Option(
    help: ArgumentHelp("The optimizer's learning rate. (default: 0.001)", valueName: "rate"),
    transform: Arguments.rate)
  var learningRate = 0.001

  var resolvedPolicy: DTypePolicy { policy ?? globalPolicy() }
}
