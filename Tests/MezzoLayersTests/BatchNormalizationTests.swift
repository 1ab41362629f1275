import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@Suite struct BatchNormalizationTests {
  struct Moments {
    var mean: [Double]
    var variance: [Double]
  }

  /// Of each column of rows of `width`, with the variance divided by n.
  static func moments(_ x: [Double], width: Int) -> Moments {
    let rows = Double(x.count / width)
    let columns = (0..<width).map { column in stride(from: column, to: x.count, by: width).map { x[$0] } }
    let mean = columns.map { $0.reduce(0, +) / rows }
    let variance = zip(columns, mean).map { column, mean in
      column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / rows
    }
    return Moments(mean: mean, variance: variance)
  }

  static func reference(
    _ x: [Double], _ moments: Moments, gamma: [Double], beta: [Double], epsilon: Double = 1e-3
  ) -> [Double] {
    x.enumerated().map { index, x in
      let column = index % gamma.count
      let deviation = (moments.variance[column] + epsilon).squareRoot()
      return (x - moments.mean[column]) / deviation * gamma[column] + beta[column]
    }
  }

  /// Numbers that bfloat16 and float16 hold exactly.
  static let x: [Double] = [0.5, -1.25, 2, 0.75, -0.5, 3, 1.5, -2.25, 0.125, 4, -3, 1]
  static let gamma: [Double] = [0.75, 1.25, -0.5]
  static let beta: [Double] = [0.25, -0.75, 0.5]
  static let weights = [
    "gamma": gamma, "beta": beta, "moving_mean": [0.5, -0.25, 1], "moving_variance": [2, 0.5, 1.25],
  ]
  static let cotangent: [Double] = [1, -0.5, 0.25, 2, -1.5, 0.75, 1, -1, 0.5, -2, 1.25, 0.5]

  static let policies: [DTypePolicy] = [.float64, .float32, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16]

  static func slack(_ policy: DTypePolicy) -> Double { policy == .float64 ? 1e-8 : 2e-6 }

  /// The factors make inputs of order 1 and of 1e3, whose squares leave float16.
  @Test(arguments: policies, [1.0, 512]) func trainingTakesTheMomentsOfTheBatch(_ policy: DTypePolicy, _ factor: Double)
    throws
  {
    let x = Self.x.map { $0 * factor }
    let run = try LayerRun(
      BatchNormalization(momentum: 0.9, policy: policy), Tensor(x, shape: [4, 3], dtype: .float64),
      weights: Self.weights, isTraining: true)
    let compute = try #require(policy.computeDType)
    let moments = Self.moments(x, width: 3)
    let expected = Self.reference(x, moments, gamma: Self.gamma, beta: Self.beta)
    #expect(run.output.dtype == compute)
    #expect(excess(run.output.scalars(), expected, roundedTo: compute) <= Self.slack(policy))
    let stored: DType = policy == .float64 ? .float64 : .float32
    let mean = zip([0.5, -0.25, 1], moments.mean).map { $0 * 0.9 + $1 * 0.1 }
    let variance = zip([2, 0.5, 1.25], moments.variance).map { $0 * 0.9 + $1 * 0.1 }
    #expect(excess(try #require(run.assigned["moving_mean"]).scalars(), mean, roundedTo: stored) <= 1e-6)
    #expect(excess(try #require(run.assigned["moving_variance"]).scalars(), variance, roundedTo: stored) <= 1e-6)
  }

  @Test(arguments: policies) func inferenceTakesTheAverages(_ policy: DTypePolicy) throws {
    let run = try LayerRun(
      BatchNormalization(policy: policy), Tensor(Self.x, shape: [4, 3], dtype: .float32), weights: Self.weights)
    let averages = Moments(mean: [0.5, -0.25, 1], variance: [2, 0.5, 1.25])
    let expected = Self.reference(Self.x, averages, gamma: Self.gamma, beta: Self.beta)
    let compute = try #require(policy.computeDType)
    #expect(excess(run.output.scalars(), expected, roundedTo: compute) <= Self.slack(policy))
    #expect(run.assigned.isEmpty)
  }

  @Test(arguments: policies, [false, true]) func gradientsAgreeWithDifferences(_ policy: DTypePolicy, isTraining: Bool)
    throws
  {
    let run = try LayerRun(
      BatchNormalization(policy: policy), Tensor(Self.x, shape: [4, 3], dtype: .float64), weights: Self.weights,
      cotangent: Self.cotangent, isTraining: isTraining)
    func loss(_ x: [Double], _ gamma: [Double], _ beta: [Double]) -> Double {
      let moments =
        isTraining ? Self.moments(x, width: 3) : Moments(mean: [0.5, -0.25, 1], variance: [2, 0.5, 1.25])
      return zip(Self.reference(x, moments, gamma: gamma, beta: beta), Self.cotangent).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let compute = try #require(policy.computeDType)
    let byInput = differences(Self.x) { loss($0, Self.gamma, Self.beta) }
    #expect(excess(try #require(run.inputGradient).scalars(), byInput, roundedTo: compute) <= Self.slack(policy))
    let byGamma = differences(Self.gamma) { loss(Self.x, $0, Self.beta) }
    #expect(excess(try #require(run.weightGradients["gamma"]).scalars(), byGamma, roundedTo: .float32) <= 2e-6)
    let byBeta = differences(Self.beta) { loss(Self.x, Self.gamma, $0) }
    #expect(excess(try #require(run.weightGradients["beta"]).scalars(), byBeta, roundedTo: .float32) <= 2e-6)
    #expect(Set(run.weightGradients.keys) == ["gamma", "beta"])
  }

  @Test(arguments: [
    (DTypePolicy.float16, DType.float32), (.bfloat16, .float32), (.mixedFloat16, .float32), (.mixedBFloat16, .float32),
    (.float32, .float32), (.float64, .float64),
  ])
  func variablesAreNeverStoredIn16Bits(policy: DTypePolicy, stored: DType) throws {
    let run = try LayerRun(BatchNormalization(policy: policy), Tensor(Self.x, shape: [4, 3], dtype: .float32))
    #expect(run.variables.map(\.path) == ["gamma", "beta", "moving_mean", "moving_variance"])
    #expect(run.variables.map(\.isTrainable) == [true, true, false, false])
    #expect(run.variables.allSatisfy { $0.type == TensorType(stored, [3]) })
    // Until trained the averages are 0 and 1: what comes in goes out, but for epsilon.
    let expected = Self.x.map { $0 / 1.001.squareRoot() }
    let compute = try #require(policy.computeDType)
    #expect(excess(run.output.scalars(), expected, roundedTo: compute) < 1e-6)
  }

  struct Correction: Sendable {
    var shape: [Int]
    var axis: Int
    var policy: DTypePolicy
    /// n − 1 instead of n.
    var isBessel: Bool
  }

  /// Where TensorFlow 2.4 uses its fused kernel, and where not.
  @Test(arguments: [
    Correction(shape: [2, 1, 2, 3], axis: -1, policy: .float32, isBessel: true),
    Correction(shape: [2, 1, 2, 3], axis: 3, policy: .mixedFloat16, isBessel: true),
    Correction(shape: [4, 3, 1, 1], axis: 1, policy: .float32, isBessel: true),
    Correction(shape: [2, 1, 2, 3], axis: -1, policy: .float64, isBessel: false),
    Correction(shape: [2, 2, 3, 1], axis: 2, policy: .float32, isBessel: false),
    Correction(shape: [2, 2, 3], axis: -1, policy: .float32, isBessel: false),
  ])
  func movingVariancesAreCorrectedWhereTensorFlowFuses(_ item: Correction) throws {
    let run = try LayerRun(
      BatchNormalization(axis: item.axis, momentum: 0, policy: item.policy),
      Tensor(Self.x, shape: item.shape, dtype: .float32), weights: Self.weights, isTraining: true)
    let variance = Self.moments(Self.x, width: 3).variance.map { $0 * (item.isBessel ? 4.0 / 3 : 1) }
    #expect(excess(try #require(run.assigned["moving_variance"]).scalars(), variance, roundedTo: .float32) < 1e-6)
    // The output takes n in any case.
    let expected = Self.reference(
      Self.x, Self.moments(Self.x, width: 3), gamma: Self.gamma, beta: Self.beta)
    let compute = try #require(item.policy.computeDType)
    #expect(excess(run.output.scalars(), expected, roundedTo: compute) < 2e-6)
  }

  @Test func oneElementAndNoneKeepTheAveragesFinite() throws {
    let layer = BatchNormalization(momentum: 0.5, policy: .float32)
    let one = try LayerRun(layer, Tensor([3], shape: [1, 1, 1, 1], dtype: .float32), isTraining: true)
    #expect(one.output.scalars() == [0])
    #expect(one.assigned["moving_mean"]?.scalars() == [1.5])
    #expect(one.assigned["moving_variance"]?.scalars() == [0.5])
    let none = try LayerRun(layer, Tensor([], shape: [0, 2], dtype: .float32), isTraining: true)
    #expect(none.output.shape == [0, 2])
    #expect(none.assigned.isEmpty)
  }

  @Test func aLayerThatIsCalledTwiceAveragesTwice() throws {
    struct Twice: Layer {
      var normalization = BatchNormalization(momentum: 0.5, policy: .float32)
      var policy = DTypePolicy.float32
      func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
        let first = try context.call(normalization, input, name: "shared")
        return try first + context.call(normalization, input * 2, name: "shared")
      }
    }
    let run = try LayerRun(Twice(), Tensor([2, 4], shape: [2, 1], dtype: .float32), isTraining: true)
    // 0 → 1.5 with the mean 3, → 3.75 with the mean 6.
    #expect(run.assigned["shared.moving_mean"]?.scalars() == [3.75])
  }

  @Test func settingsThatCannotWorkSaySo() throws {
    let input = try Tensor([1, 2], shape: [1, 2], dtype: .float32)
    for layer in [
      BatchNormalization(axis: 2, policy: .float32), BatchNormalization(momentum: 1.5, policy: .float32),
      BatchNormalization(momentum: .nan, policy: .float32), BatchNormalization(epsilon: -1, policy: .float32),
      BatchNormalization(policy: try DTypePolicy("int32")),
    ] {
      #expect(throws: LayerError.self) { try LayerRun(layer, input) }
    }
  }
}
