import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import MezzoTraining

/// In which dtype losses compute, and what they give.
enum LossGroup: GoldenGroup {
  static let names = ["loss.dtype", "loss.floatx", "loss.overflow"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let name = try testCase.input.string("loss")
    guard let question = try LossQuestion(testCase) else { return .unsupported("the loss \(name)") }
    // The state of the process has no part in it, which is what some of the cases are about.
    if let policy = testCase.input["global"]?.asString { try setGlobalPolicy(policy) }
    if let floatx = testCase.input["floatx"]?.asString { try setFloatx(floatx) }
    return .outcome(
      try question.answer { dtype in
        let output = try GoldenTensor.read(question.outputs, shape: question.shape, dtype: dtype)
        let tensors = [output, try question.target()]
        let value = try Runtime.shared.evaluate(tensors) { [try question.loss($0[0], target: $0[1])] }[0]
        return (value.dtype, try value.scalar())
      })
  }

  /// A few sums and logarithms in float32, in an order of their own.
  static func tolerance(for testCase: GoldenCase) -> Double { 8 * 0x1p-24 }

  static let differences = [
    DesignDifference(
      "Losses are at least float32", systems: ["tf24", "tfkeras", "keras3"],
      cases: """
        losses of float16 and bfloat16 outputs, which TensorFlow computes and gives in that dtype, those that it computes in \
        float32 or not at all for other outputs, and those that Keras 3 computes in a floatx of float16
        """,
      behaviour: """
        A loss is computed and given in float64 if the output is float64, in Keras 3's dialect if floatx is, else in \
        float32.
        """,
      reason: """
        In float16 the squared error is infinite from an error of 256 on, and a mean in bfloat16 has two digits. A loss that \
        is less exact than the output helps nobody.
        """,
      theirs: { testCase in
        guard let question = try? LossQuestion(testCase) else { return nil }
        return try? question.theirs
      }
    ) { testCase in
      guard let question = try? LossQuestion(testCase) else { return nil }
      return try? question.answer(question.stated)
    }
  ]
}
