import Mezzo

/// W5: one large dense layer with GELU, and a chain of small ones with ReLU.
enum DenseInference {
  static let activation = BenchKind(
    name: "W5a", title: "Dense + GELU", parameters: ["batch", "inputs", "outputs"],
    make: { parameters, setting in
      let (batch, inputs, outputs) = try shape(parameters)
      var kernel = setting.stream(2)
      return try work(
        [Dense(outputs, activation: .gelu, name: "dense_0", policy: setting.policy)], setting, [batch, inputs],
        weights: ["dense_0.kernel": kernel.glorot([inputs, outputs])])
    },
    operations: { parameters in
      let (batch, inputs, outputs) = try shape(parameters)
      return 2 * Double(batch) * Double(inputs) * Double(outputs)
    })

  static let chain = BenchKind(
    name: "W5b", title: "chain of Dense + ReLU", parameters: ["batch", "width", "depth"],
    make: { parameters, setting in
      let (batch, width, depth) = try chainShape(parameters)
      var weights: [String: Tensor] = [:]
      for index in 0..<depth {
        var kernel = setting.stream(2 + index)
        weights["dense_\(index).kernel"] = try kernel.uniform((6 / Double(width)).squareRoot(), [width, width])
      }
      let layers = (0..<depth).map { Dense(width, activation: .relu, name: "dense_\($0)", policy: setting.policy) }
      return try work(layers, setting, [batch, width], weights: weights)
    },
    operations: { parameters in
      let (batch, width, depth) = try chainShape(parameters)
      return 2 * Double(batch) * Double(width) * Double(width) * Double(depth)
    })

  private static func shape(_ parameters: BenchParameters) throws(BenchError) -> (Int, Int, Int) {
    (
      try parameters.size("batch", default: 16), try parameters.size("inputs", default: 1024),
      try parameters.size("outputs", default: 1024)
    )
  }

  private static func chainShape(_ parameters: BenchParameters) throws(BenchError) -> (Int, Int, Int) {
    (
      try parameters.size("batch", default: 1), try parameters.size("width", default: 64),
      try parameters.size("depth", default: 50)
    )
  }

  private static func work(
    _ layers: [any Layer], _ setting: BenchSetting, _ shape: [Int], weights: [String: Tensor]
  ) throws -> any BenchWorkload {
    var data = setting.stream(0)
    let input = try setting.input(try data.unit(shape))
    let model = try setting.model(Sequential(layers), inputs: ModelInputs(.tensor(input.type)), weights: weights)
    return try InferenceWork(model, inputs: ModelInputs(.tensor(input)))
  }
}
