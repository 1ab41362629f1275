import Mezzo

/// W1: a step of training of dense layers with ReLU between them, sparse cross-entropy and Adam.
enum DenseTraining {
  static let kind = BenchKind(
    name: "W1", title: "MLP train step", parameters: ["batch", "sizes"], make: make,
    operations: { parameters in
      let sizes = try sizes(parameters)
      let products = zip(sizes, sizes.dropFirst()).map { Double($0 * $1) }
      // Forward, by the weights, by the inputs; the first layer's inputs are data.
      return try 2 * Double(batch(parameters)) * (3 * products.reduce(0, +) - products[0])
    })

  private static func batch(_ parameters: BenchParameters) throws(BenchError) -> Int {
    try parameters.size("batch", default: 128)
  }

  private static func sizes(_ parameters: BenchParameters) throws(BenchError) -> [Int] {
    try parameters.sizes("sizes", default: [784, 512, 512, 10], count: 2...64)
  }

  @Sendable private static func make(
    _ parameters: BenchParameters, _ setting: BenchSetting
  ) throws -> any BenchWorkload {
    let (batch, sizes) = (try batch(parameters), try sizes(parameters))
    var (images, labels) = (setting.stream(0), setting.stream(1))
    let data = TrainingBatch(
      features: try images.unit([batch, sizes[0]]),
      targets: try labels.integers(0..<sizes[sizes.count - 1], [batch]))
    var weights: [String: Tensor] = [:]
    let layers = try sizes.dropFirst().enumerated().map { index, units in
      var kernel = setting.stream(2 + index)
      weights["dense_\(index).kernel"] = try kernel.glorot([sizes[index], units])
      return Dense(
        units, activation: index == sizes.count - 2 ? .linear : .relu, name: "dense_\(index)", policy: setting.policy)
    }
    let model = try setting.model(
      Sequential(layers), inputs: ModelInputs(.tensor(data.features.type)), weights: weights)
    return try TrainingWork(model, batch: data, loss: .sparseCategoricalCrossentropy, optimizer: .adam())
  }
}
