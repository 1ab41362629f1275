import MezzoGraph
import MezzoPolicy
import MezzoTraining

/// In which dtype metrics count, and what comes out.
enum MetricGroup: GoldenGroup {
  static let names = ["metric.dtype", "infer.metric"]

  static func answer(_ testCase: GoldenCase) async throws -> GoldenAnswer {
    let name = try testCase.input.string("metric")
    guard let question = Question(name) else { return .unsupported("the metric \(name)") }
    if testCase.group == "infer.metric" {
      PolicyEnvironment.current.usesV2DTypeBehavior = false
      return .ok(.string(Metric(question.kind).dtype.name))
    }
    try setGlobalPolicy(try testCase.input.string("global"))
    let dtype = try testCase.input["dtype"]?.asString.map { try DType(golden: $0) }
    var meter = try Meter(Metric(question.kind, dtype: dtype))
    try meter.update(question.output, target: question.target)
    let result = try meter.result()
    return .ok(
      described(
        metric: meter.metric.dtype, states: Set(meter.state.map(\.dtype.name)).sorted(), result: result.dtype,
        try result.scalar()))
  }

  private static func described(
    metric: DType, states: [String], result: DType, _ value: Double
  ) -> ConfigurationValue {
    [
      "metric_dtype": .string(metric.name), "state_dtypes": .array(states.map { .string($0) }),
      "result_dtype": .string(result.name), "result": .exactly(value),
    ]
  }

  /// The cases have no data. These give what was recorded: two values of 60000, two outputs on both sides of what they
  /// should be, and two rows of which one is right.
  private struct Question {
    let kind: Metric.Kind
    let output: Tensor
    let target: Tensor?
    let value: Double

    init?(_ name: String) {
      func tensor(_ values: [Double], _ shape: [Int], _ dtype: DType = .float32) -> Tensor? {
        try? Tensor(values, shape: shape, dtype: dtype)
      }
      let (kind, output, target, value): (Metric.Kind, Tensor?, Tensor?, Double)
      switch name {
      case "Mean": (kind, output, target, value) = (.mean, tensor([60000, 60000], [2]), nil, 60000)
      case "Sum": (kind, output, target, value) = (.sum, tensor([60000, 60000], [2]), nil, 120000)
      case "MeanSquaredError":
        (kind, output, target, value) = (
          .loss(.meanSquaredError), tensor([0.25, 0.5], [2]), tensor([0, 1], [2]), 0.15625
        )
      case "MeanAbsoluteError", "RootMeanSquaredError", "Precision", "Recall":
        let kinds: [String: (Metric.Kind, Double)] = [
          "MeanAbsoluteError": (.loss(.meanAbsoluteError), 0.375),
          "RootMeanSquaredError": (.rootMeanSquaredError, 0.15625.squareRoot()),
          // 0.5 is not above one half.
          "Precision": (.precision(threshold: 0.5), 0), "Recall": (.recall(threshold: 0.5), 0),
        ]
        guard let named = kinds[name] else { return nil }
        (kind, output, target, value) = (named.0, tensor([0.25, 0.5], [2]), tensor([0, 1], [2]), named.1)
      case "BinaryAccuracy":
        (kind, output, target, value) = (
          .binaryAccuracy(threshold: 0.5), tensor([0.25, 0.5], [2]), tensor([0, 1], [2]), 0.5
        )
      case "AUC":
        (kind, output, target, value) = (
          .auc(.roc, thresholds: 200), tensor([0.25, 0.5], [2]), tensor([0, 1], [2]), 1
        )
      case "SparseCategoricalAccuracy":
        (kind, output, target, value) = (
          .sparseCategoricalAccuracy, tensor([0.25, 0.5, 0.25, 0.5], [2, 2]), tensor([0, 1], [2], .int32), 0.5
        )
      default: return nil
      }
      guard let output else { return nil }
      (self.kind, self.output, self.target, self.value) = (kind, output, target, value)
    }
  }

  static let differences = [
    DesignDifference(
      "Metrics are at least float32", systems: ["tf24", "tfkeras"],
      cases: "metrics under a policy that stores float16 or bfloat16, in which TensorFlow counts",
      behaviour: "Where no dtype is given, a metric counts in float64 if variables are stored in it, else in float32.",
      reason: "A count in float16 ends at 2048, and the sum of two values of 60000 is infinite.",
      theirs: { testCase in
        // The policy's variable dtype, whatever it is.
        guard let dtype = testCase.input["global"]?.asString.map({ StatedPolicy($0) })?.variable else { return nil }
        return systemAnswer(testCase, metric: dtype, state: dtype)
      }
    ) { testCase in
      guard testCase.input["dtype"] == .null || testCase.input["dtype"] == nil else { return nil }
      return stated(testCase, dtype: .float32)
    },
    DesignDifference(
      "A metric has one dtype", systems: ["keras3"],
      cases: "areas under curves of a dtype of their own, which Keras 3 counts in floatx all the same",
      behaviour: "State and result are in the dtype that was given.",
      reason: "Whoever asks for float64 counts more than float32 can.",
      theirs: { testCase in
        // What counts true and false positives has no dtype but floatx.
        guard ["AUC", "Precision", "Recall"].contains(testCase.input["metric"]?.asString),
          let dtype = testCase.input["dtype"]?.asString
        else { return nil }
        return systemAnswer(testCase, metric: dtype, state: testCase.input["floatx"]?.asString ?? "float32")
      }
    ) { testCase in
      guard let dtype = testCase.input["dtype"]?.asString.flatMap({ try? DType(golden: $0) }) else { return nil }
      return stated(testCase, dtype: dtype)
    },
  ]

  private static func stated(_ testCase: GoldenCase, dtype: DType) -> ConfigurationValue? {
    guard let question = testCase.input["metric"]?.asString.flatMap(Question.init) else { return nil }
    return .ok(described(metric: dtype, states: [dtype.name], result: dtype, question.value))
  }

  private static func systemAnswer(_ testCase: GoldenCase, metric: String, state: String) -> ConfigurationValue? {
    guard let question = testCase.input["metric"]?.asString.flatMap(Question.init), let expect = testCase.expect["ok"],
      let result = expect["result"], let metric = try? DType(golden: metric), let state = try? DType(golden: state)
    else { return nil }
    // What is summed before a mean is taken.
    let sum = question.output.scalars().reduce(0, +)
    let rounding = SystemRounding(dtype: state)
    let value =
      rounding.accepts(result, for: question.value, sum: sum, isHeld: true) ? result : .null
    return .ok(
      described(metric: metric, states: [state.name], result: state, question.value).replacing("result") { _ in value })
  }
}
