import MezzoGraph
import MezzoPolicy
import MezzoTraining

/// Losses times a scale, and what comes back when the product is unscaled as if it were a gradient.
enum ScaledLossGroup: GoldenGroup {
  static let names = ["lossscale.scale_loss"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let scale = try testCase.input.double("scale")
    let dtype = try DType(golden: try testCase.input.string("dtype"))
    let optimizer = try LossScaleOptimizer(SGD(), dynamic: true, initialScale: scale)
    let loss = try Tensor(try testCase.input.double("loss"), dtype: dtype)
    let scaled = try optimizer.scaledLoss(loss).tensor
    var answer: [String: ConfigurationValue] = try described(scaled)
    if unscales(testCase.system) {
      let gradients = try ScaledGradients([scaled], scale: Tensor(scale, dtype: .float32)).unscaled()
      answer["unscaled"] = try gradients.values[0].map { .object(try described($0)) }
    }
    return .ok(.object(answer))
  }

  /// Keras 3 has no way to unscale gradients from outside.
  private static func unscales(_ system: String) -> Bool { system != "keras3" }

  private static func described(_ tensor: Tensor) throws -> [String: ConfigurationValue] {
    ["dtype": .string(tensor.dtype.name), "value": .exactly(try tensor.scalar())]
  }
}
