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
    help: """
      dense: the hidden layers of --layers. cnn: two convolutions and a dense layer, as LeNet. resnet: three residual \
      blocks. transformer: two encoder layers over the rows of the image.
      """)
  var model = Network.Kind.dense

  @Option(
    help: ArgumentHelp(
      "Units of the hidden layers of a dense model, with commas between. (default: 512,512)", valueName: "units"),
    transform: Arguments.layers)
  var layers: LayerWidths?

  @OptionGroup var optimizer: OptimizerOptions

  var resolvedPolicy: DTypePolicy { policy ?? globalPolicy() }

  func validate() throws {
    if layers != nil, model != .dense {
      throw ValidationError("--layers goes with --model dense; found --model \(model.rawValue)")
    }
  }

  /// - Parameter policy: by default the one that was asked for.
  func network(example: [Int], classes: Int, policy: DTypePolicy? = nil) -> Network {
    Network(
      kind: model, hidden: model == .dense ? layers?.widths ?? [512, 512] : [], example: example, classes: classes,
      policy: policy ?? resolvedPolicy)
  }
}
