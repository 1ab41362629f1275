import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Losses against their formulas in double precision, and against the examples of Keras's documentation.
@Suite struct LossTests {
  private let runtime = Runtime.builtinOnly()

  private func value(_ loss: Loss, _ output: Tensor, _ target: Tensor, _ weights: Tensor? = nil) throws -> [Double] {
    try runtime.evaluate([output, target] + (weights.map { [$0] } ?? [])) {
      [try loss($0[0], target: $0[1], sampleWeight: weights == nil ? nil : $0[2])]
    }[0].scalars()
  }

  private func tensor(_ rows: [[Double]], _ dtype: DType = .float64) throws -> Tensor {
    try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count], dtype: dtype)
  }

  // MARK: - Formulas

  /// The value of one example.
  typealias Formula = @Sendable (_ p: [Double], _ t: [Double]) -> Double

  private static func mean(_ term: @escaping @Sendable (Double, Double) -> Double) -> Formula {
    { zip($0, $1).map(term).reduce(0, +) / Double($0.count) }
  }

  private static func log(_ x: Double) -> Double { Foundation.log(x) }

  private static func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for (x, y) in zip(a, b) { sum += x * y }
    return sum
  }

  private static let crossentropyOfProbabilities: Formula = { p, t in
    let total = p.reduce(0, +)
    let logarithms: [Double] = p.map { log($0 / total) }
    let smooth: [Double] = t.map { $0 * 0.7 + 0.1 }
    return -dot(smooth, logarithms)
  }

  private static let crossentropyOfLogits: Formula = { p, t in
    let total = log(p.map { exp($0) }.reduce(0, +))
    let logarithms: [Double] = p.map { $0 - total }
    return -dot(t, logarithms)
  }

  private static let cosine: Formula = { p, t in -dot(p, t) / (dot(p, p) * dot(t, t)).squareRoot() }

  private static let divergence: Formula = { p, t in
    let logarithms: [Double] = zip(p, t).map { log($1 / $0) }
    return dot(t, logarithms)
  }

  private static let categoricalHinge: Formula = { p, t in
    let wrong: [Double] = zip(p, t).map { (1 - $1) * $0 }
    return max((wrong.max() ?? 0) - dot(p, t) + 1, 0)
  }

  private static func huber(_ p: Double, _ t: Double) -> Double {
    let e = abs(p - t)
    return e <= 0.2 ? e * e / 2 : 0.2 * e - 0.02
  }

  private static func smoothBinary(_ p: Double, _ t: Double) -> Double {
    let probability = 1 / (1 + exp(-p))
    return binary(probability, t * 0.8 + 0.1)
  }

  private static func binary(_ p: Double, _ t: Double) -> Double {
    let (yes, no) = (t * log(p), (1 - t) * log(1 - p))
    return -(yes + no)
  }

  private static func logarithmic(_ p: Double, _ t: Double) -> Double {
    let difference = log(1 + p) - log(1 + t)
    return difference * difference
  }

  private static func hinge(_ p: Double, _ t: Double) -> Double { max(1 - t * p, 0) }

  private static func focal(_ p: Double, _ t: Double) -> Double {
    let wrong = 1 - (t * p + (1 - t) * (1 - p))
    return wrong * wrong * binary(p, t)
  }

  private static func balancedFocal(_ logit: Double, _ t: Double) -> Double {
    let p = 1 / (1 + exp(-logit))
    let smooth = t * 0.8 + 0.1
    let wrong = 1 - (smooth * p + (1 - smooth) * (1 - p))
    return (smooth * 0.4 + (1 - smooth) * 0.6) * pow(wrong, 3) * binary(p, smooth)
  }

  private static let categoricalFocal: Formula = { p, t in
    let total = p.map { exp($0) }.reduce(0, +)
    let terms: [Double] = zip(p, t).map { logit, t in
      let share = exp(logit) / total
      return -0.5 * pow(1 - share, 1.5) * (t * 0.7 + 0.1) * log(share)
    }
    return terms.reduce(0, +)
  }

  private static let dice: Formula = { p, t in 1 - 2 * dot(p, t) / (p.reduce(0, +) + t.reduce(0, +) + 1e-7) }

  private static let tversky: Formula = { p, t in
    let missed = dot(t, p.map { 1 - $0 })
    let added = dot(p, t.map { 1 - $0 })
    return 1 - dot(p, t) / (dot(p, t) + 0.3 * missed + 0.7 * added + 1e-7)
  }

  static let formulas: [(LossFunction, Formula)] = plain + faded

  private static let faded: [(LossFunction, Formula)] = [
    (.binaryFocalCrossentropy(), mean(focal)),
    (
      .binaryFocalCrossentropy(applyClassBalancing: true, alpha: 0.4, gamma: 3, fromLogits: true, labelSmoothing: 0.2),
      mean(balancedFocal)
    ),
    (
      .categoricalFocalCrossentropy(alpha: 0.5, gamma: 1.5, fromLogits: true, labelSmoothing: 0.3), categoricalFocal
    ),
    (.dice(axis: [-1]), dice), (.tversky(alpha: 0.3, beta: 0.7, axis: [-1]), tversky),
  ]

  private static let plain: [(LossFunction, Formula)] = [
    (.meanSquaredError, mean { ($0 - $1) * ($0 - $1) }), (.meanAbsoluteError, mean { abs($0 - $1) }),
    (.meanAbsolutePercentageError, mean { 100 * abs(($1 - $0) / $1) }),
    (.meanSquaredLogarithmicError, mean(logarithmic)), (.logCosh, mean { log(cosh($0 - $1)) }),
    (.poisson, mean { $0 - $1 * log($0 + 1e-7) }), (.huber(delta: 0.2), mean(huber)),
    (.binaryCrossentropy(), mean(binary)),
    (.binaryCrossentropy(fromLogits: true, labelSmoothing: 0.2), mean(smoothBinary)),
    (.categoricalCrossentropy(labelSmoothing: 0.3), crossentropyOfProbabilities),
    (.categoricalCrossentropy(fromLogits: true), crossentropyOfLogits), (.cosineSimilarity, cosine),
    (.klDivergence, divergence), (.hinge, mean(hinge)), (.squaredHinge, mean { hinge($0, $1) * hinge($0, $1) }),
    (.categoricalHinge, categoricalHinge),
  ]

  /// All within (0, 1), where every loss is defined.
  private static let outputs = [[0.31, 0.62, 0.17], [0.88, 0.05, 0.43], [0.5, 0.77, 0.29], [0.12, 0.35, 0.94]]
  private static let targets = [[0.2, 0.7, 0.45], [0.91, 0.33, 0.08], [0.62, 0.15, 0.58], [0.4, 0.81, 0.27]]

  @Test(arguments: formulas.indices) func everyLossIsItsFormula(index: Int) throws {
    let (function, formula) = Self.formulas[index]
    let (output, target) = (try tensor(Self.outputs), try tensor(Self.targets))
    let each = zip(Self.outputs, Self.targets).map(formula)
    let found = try value(Loss(function, reduction: .none), output, target)
    #expect(zip(found, each).allSatisfy { abs($0 - $1) < 1e-12 }, "\(function): \(found), \(each)")
    let weights = [0.5, 0, 2, 1.5]
    let weighted = zip(each, weights).map(*).reduce(0, +)
    let w = try Tensor(weights, shape: [4, 1], dtype: .float64)
    for (reduction, expected) in [
      (LossReduction.sum, weighted), (.sumOverBatchSize, weighted / 4), (.meanWithSampleWeight, weighted / 4),
    ] {
      let got = try value(Loss(function, reduction: reduction), output, target, w)[0]
      #expect(abs(got - expected) < 1e-11 * max(1, abs(expected)), "\(function), \(reduction)")
    }
    let plain = try value(Loss(function), output, target)[0]
    #expect(abs(plain - each.reduce(0, +) / 4) < 1e-12)
  }

  @Test(arguments: formulas.indices) func everyGradientIsThatOfTheFormula(index: Int) throws {
    let (function, formula) = Self.formulas[index]
    let gradient = try runtime.evaluate([tensor(Self.outputs), tensor(Self.targets)]) {
      try $0[0].trace.gradients(of: Loss(function, reduction: .sum)($0[0], target: $0[1]), by: [$0[0]])
    }[0].scalars()
    for row in Self.outputs.indices {
      for column in 0..<3 {
        func moved(_ step: Double) -> Double {
          var output = Self.outputs[row]
          output[column] += step
          return formula(output, Self.targets[row])
        }
        let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6
        #expect(abs(gradient[row * 3 + column] - slope) < 1e-5 * max(1, abs(slope)), "\(function)")
      }
    }
  }

  // MARK: - Keras's documentation

  struct Example: Sendable {
    var function: LossFunction
    var target: [[Double]]
    var output: [[Double]]
    var mean: Double
    var weights: [Double]
    var weighted: Double
  }

  private static let small: (t: [[Double]], p: [[Double]]) = ([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]])
  private static let corner: (t: [[Double]], p: [[Double]]) = ([[0, 1], [0, 0]], [[1, 1], [1, 0]])

  static let examples = [
    Example(function: .huber(), target: small.t, output: small.p, mean: 0.155, weights: [1, 0], weighted: 0.09),
    Example(
      function: .klDivergence, target: small.t, output: small.p, mean: 0.458, weights: [0.8, 0.2], weighted: 0.366),
    Example(function: .categoricalHinge, target: small.t, output: small.p, mean: 1.4, weights: [1, 0], weighted: 0.6),
    Example(function: .hinge, target: small.t, output: small.p, mean: 1.3, weights: [1, 0], weighted: 0.55),
    Example(function: .squaredHinge, target: small.t, output: small.p, mean: 1.86, weights: [1, 0], weighted: 0.73),
    Example(
      function: .binaryCrossentropy(), target: small.t, output: small.p, mean: 0.815, weights: [1, 0], weighted: 0.458),
    Example(
      function: .meanAbsoluteError, target: corner.t, output: corner.p, mean: 0.5, weights: [0.7, 0.3], weighted: 0.25),
    Example(
      function: .meanSquaredError, target: corner.t, output: corner.p, mean: 0.5, weights: [0.7, 0.3], weighted: 0.25),
    Example(
      function: .meanSquaredLogarithmicError, target: corner.t, output: corner.p, mean: 0.240, weights: [0.7, 0.3],
      weighted: 0.120),
    Example(
      function: .cosineSimilarity, target: [[0, 1], [1, 1]], output: [[1, 0], [1, 1]], mean: -0.5, weights: [0.8, 0.2],
      weighted: -0.1),
    Example(
      function: .categoricalCrossentropy(), target: [[0, 1, 0], [0, 0, 1]],
      output: [[0.05, 0.95, 0], [0.1, 0.8, 0.1]],
      mean: 1.177, weights: [0.3, 0.7], weighted: 0.814),
  ]

  @Test(arguments: examples.indices) func theExamplesOfKerasHold(index: Int) throws {
    let example = Self.examples[index]
    let (output, target) = (try tensor(example.output, .float32), try tensor(example.target, .float32))
    let weights = try Tensor(example.weights, shape: [2], dtype: .float32)
    #expect(abs(try value(Loss(example.function), output, target)[0] - example.mean) < 6e-4)
    #expect(abs(try value(Loss(example.function), output, target, weights)[0] - example.weighted) < 6e-4)
  }

  /// What Keras 3.15 gives for the outputs above.
  @Test func lossesOfKeras3AreTheSame() throws {
    let hot = try tensor([[0, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 1]])
    let labels = try Tensor([1, 0, 2, 1], shape: [4], dtype: .int32)
    let cases: [(LossFunction, Tensor, [Double])] = [
      (.binaryFocalCrossentropy(), hot, [0.0366908424, 0.0353016071, 0.5562233925, 0.1485377699]),
      (
        .categoricalFocalCrossentropy(), try tensor(Self.targets),
        [0.2019220293, 0.2759511471, 0.2499129325, 0.3687426448]
      ), (.dice(), hot, [0.4093959928]),
      (.dice(axis: [-1]), hot, [0.4095237851, 0.2542373538, 0.7734375, 0.2434017658]),
      (.tversky(alpha: 0.3, beta: 0.7), hot, [0.4189774990]),
      (
        .categoricalGeneralizedCrossEntropy(q: 0.7), labels, [0.4062766731, 0.1222807169, 0.8279780149, 0.7434783578]
      ),
      (.categoricalGeneralizedCrossEntropy(), labels, [0.4251984358, 0.1238336564, 0.9229670763, 0.8167840242]),
    ]
    for (function, target, expected) in cases {
      let found = try value(Loss(function, reduction: .none), tensor(Self.outputs), target)
      #expect(found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(function)")
      let loss = Loss(function)
      #expect(try JSONDecoder().decode(Loss.self, from: JSONEncoder().encode(loss)) == loss)
    }
  }

  /// Where Keras goes through a sigmoid that is 1, and loses the gradient.
  @Test func focalLossesOfLargeLogitsHaveGradients() throws {
    let output = try tensor([[60, -60]], .float32)
    let target = try tensor([[0, 1]], .float32)
    let gradient = try runtime.evaluate([output, target]) {
      let loss = Loss.binaryFocalCrossentropy(fromLogits: true)
      return try $0[0].trace.gradients(of: loss($0[0], target: $0[1]), by: [$0[0]])
    }[0].scalars()
    #expect(gradient.allSatisfy { abs(abs($0) - 0.5) < 1e-3 }, "\(gradient)")
  }

  @Test func labelsAreOneHotTargets() throws {
    let labels = try Tensor([1, 2, 0, 0], shape: [4], dtype: .int32)
    let hot = try tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 0, 0]])
    for fromLogits in [false, true] {
      let sparse = try value(.sparseCategoricalCrossentropy(fromLogits: fromLogits), tensor(Self.outputs), labels)
      let dense = try value(.categoricalCrossentropy(fromLogits: fromLogits), tensor(Self.outputs), hot)
      #expect(abs(sparse[0] - dense[0]) < 1e-12)
    }
    // Longer axes in front, labels with an axis of their own, other integers.
    let long = try tensor(Self.outputs).reshaped([2, 2, 3])
    for (shape, dtype) in [([2, 2], DType.int64), ([2, 2, 1], .uint8)] {
      let labels = try Tensor([1, 2, 0, 0], shape: shape, dtype: dtype)
      let found = try value(Loss(.sparseCategoricalCrossentropy(fromLogits: true), reduction: .none), long, labels)
      #expect(found.count == 4)
    }
  }

  // MARK: - Ranges, dtypes, shapes

  @Test func logitsOfAnySizeGiveFiniteLosses() throws {
    let output = try tensor([[1e4, -1e4, 300]], .float32)
    let target = try tensor([[0, 1, 0]], .float32)
    for loss in [
      Loss.binaryCrossentropy(fromLogits: true), .categoricalCrossentropy(fromLogits: true), .logCosh, .huber(),
    ] {
      #expect(try value(loss, output, target)[0].isFinite, "\(loss)")
    }
  }

  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64]) func lossesAreAtLeastFloat32(dtype: DType) throws {
    for (function, _) in Self.formulas {
      let result = try runtime.evaluate([tensor(Self.outputs, dtype), tensor(Self.targets, .float32)]) {
        [try Loss(function)($0[0], target: $0[1])]
      }[0]
      #expect(result.type == TensorType(dtype == .float64 ? .float64 : .float32, []))
      #expect(try result.scalar().isFinite)
    }
    let far = try tensor([[300]], dtype)
    #expect(try value(.meanSquaredError, far, tensor([[0]], .float32))[0] == 90000)
  }

  @Test func targetsAreNeverBroadcast() throws {
    for (output, target) in [([4, 3], [3]), ([4, 3], [4, 1]), ([4], [1]), ([4, 3], [3, 4])] {
      #expect(throws: GraphError.self) {
        try value(
          .meanSquaredError, Tensor(zeros: TensorType(.float32, output)), Tensor(zeros: TensorType(.float32, target)))
      }
    }
    for (output, target) in [([4, 1], [4]), ([4], [4, 1]), ([4], [4])] {
      _ = try value(
        .meanSquaredError, Tensor(zeros: TensorType(.float32, output)), Tensor(zeros: TensorType(.float32, target)))
    }
    #expect(throws: GraphError.self) {
      try value(
        .meanSquaredError, tensor(Self.outputs), tensor(Self.targets), Tensor([1, 2], shape: [2], dtype: .float64))
    }
  }

  // MARK: - Configurations

  @Test(arguments: formulas.indices) func configurationsSurvive(index: Int) throws {
    for reduction in LossReduction.allCases {
      let loss = Loss(Self.formulas[index].0, reduction: reduction)
      #expect(try JSONDecoder().decode(Loss.self, from: JSONEncoder().encode(loss)) == loss)
    }
  }

  private func read(_ text: String) throws -> Loss { try JSONDecoder().decode(Loss.self, from: Data(text.utf8)) }

  @Test func configurationsOfKerasAreRead() throws {
    #expect(
      try read(
        #"""
        {"module": "keras.losses", "class_name": "Huber", "registered_name": null,
        "config": {"name": "huber_loss", "reduction": "sum", "delta": 2, "dtype": "float32"}}
        """#) == Loss(.huber(delta: 2), reduction: .sum))
    #expect(
      try read(
        #"{"class_name": "BinaryCrossentropy", "config": {"reduction": "auto", "from_logits": true, "axis": -1}}"#)
        == .binaryCrossentropy(fromLogits: true))
    #expect(throws: TrainingError.unknownLoss(name: "Frob")) { try read(#"{"class_name": "Frob"}"#) }
    for config in [#"{"delta": "x"}"#, #"{"reduction": "product"}"#, #"{"sharpness": 3}"#] {
      #expect(throws: TrainingError.self) { try read(#"{"class_name": "Huber", "config": "# + config + "}") }
    }
    #expect(throws: TrainingError.self) { try read(#"{"class_name": "CosineSimilarity", "config": {"axis": 0}}"#) }
  }
}
