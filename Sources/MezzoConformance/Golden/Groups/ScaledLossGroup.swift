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

  static let differences = [
    DesignDifference(
      "Scaled losses are at least float32", systems: ["tf24", "tfkeras", "keras3"],
      cases: "losses of float16 and bfloat16, which the systems scale in that dtype",
      behaviour: "The loss is widened to float32 before it is multiplied, and the product is unscaled in float32.",
      reason: """
        In float16 a loss of 2 is infinite already under the first scale, 2¹⁵, any loss is from 2¹⁶ on, and 1∕scale is 0 \
        from 2²⁵ on.
        """
    ) { testCase in
      guard let dtype = (try? testCase.input.string("dtype")).flatMap({ try? DType(golden: $0) }),
        dtype == .float16 || dtype == .bfloat16, let loss = try? testCase.input.double("loss"),
        let scale = try? testCase.input.double("scale"),
        let narrow = try? Tensor(loss, dtype: dtype).scalar()
      else { return nil }
      let scaled = Float(narrow) * Float(scale)
      var answer: [String: ConfigurationValue] = ["dtype": "float32", "value": .exactly(Double(scaled))]
      if unscales(testCase.system) {
        answer["unscaled"] = ["dtype": "float32", "value": .exactly(Double(scaled * (1 / Float(scale))))]
      }
      return .ok(.object(answer))
    }
  ]
}
