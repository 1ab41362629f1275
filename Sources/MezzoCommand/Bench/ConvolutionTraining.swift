import Mezzo

/// W2: a step of training of two convolutions, pooling and two dense layers, with sparse cross-entropy and Adam.
enum ConvolutionTraining {
  static let kind = BenchKind(
    name: "W2", title: "CNN train step",
    parameters: ["batch", "image", "channels", "hidden", "classes"], make: make,
    operations: { parameters in
      let sizes = try Sizes(parameters)
      let products = sizes.products
      // Forward, by the weights, by the inputs; the first layer's inputs are data.
      return 2 * Double(sizes.batch) * (3 * products.reduce(0, +) - products[0])
    })

  private static let window = 3

  private struct Sizes {
    let batch, image: Int
    let channels: [Int]
    let hidden, classes: Int

    init(_ parameters: BenchParameters) throws(BenchError) {
      batch = try parameters.size("batch", default: 64)
      image = try parameters.size("image", default: 28)
      channels = try parameters.sizes("channels", default: [1, 32, 64], count: 3...3)
      hidden = try parameters.size("hidden", default: 128)
      classes = try parameters.size("classes", default: 10)
      let least = 2 * window
      guard image >= least else {
        throw .parameter(name: "image", expected: "at least \(least)", found: "\(image)")
      }
    }

    /// The side of an image behind each of the convolutions.
    var sides: [Int] { [image - 2, image - 4] }
    var pooled: Int { sides[1] / 2 }
    var flat: Int { pooled * pooled * channels[2] }

    /// Multiplications of an image, layer after layer.
    var products: [Double] {
      let convolutions = (0..<2).map {
        Double(sides[$0] * sides[$0] * window * window * channels[$0] * channels[$0 + 1])
      }
      return convolutions + [Double(flat * hidden), Double(hidden * classes)]
    }
  }

  @Sendable private static func make(
    _ parameters: BenchParameters, _ setting: BenchSetting
  ) throws -> any BenchWorkload {
    let sizes = try Sizes(parameters)
    let channels = sizes.channels
    var (images, labels) = (setting.stream(0), setting.stream(1))
    let data = TrainingBatch(
      features: try images.unit([sizes.batch, sizes.image, sizes.image, channels[0]]),
      targets: try labels.integers(0..<sizes.classes, [sizes.batch]))
    let shapes = [
      ("conv2d_0", [window, window, channels[0], channels[1]]),
      ("conv2d_1", [window, window, channels[1], channels[2]]),
      ("dense_0", [sizes.flat, sizes.hidden]), ("dense_1", [sizes.hidden, sizes.classes]),
    ]
    var weights: [String: Tensor] = [:]
    for (index, (layer, shape)) in shapes.enumerated() {
      var kernel = setting.stream(2 + index)
      weights["\(layer).kernel"] = try kernel.glorot(shape)
    }
    let policy = setting.policy
    let convolutions: [any Layer] = (0..<2).map {
      Conv2D(
        channels[$0 + 1], kernelSize: Extents([window]), activation: .relu, name: "conv2d_\($0)", policy: policy)
    }
    let head: [any Layer] = [
      MaxPooling2D(policy: policy), Flatten(policy: policy),
      Dense(sizes.hidden, activation: .relu, name: "dense_0", policy: policy),
      Dense(sizes.classes, name: "dense_1", policy: policy),
    ]
    let model = try setting.model(
      Sequential(convolutions + head), inputs: ModelInputs(.tensor(data.features.type)), weights: weights)
    return try TrainingWork(model, batch: data, loss: .sparseCategoricalCrossentropy, optimizer: .adam())
  }
}
