import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import Testing

@Suite struct LayerNormalizationTests {
  /// Rows of `width`, in plain loops over Doubles.
  static func reference(
    _ x: [Double], width: Int, gamma: [Double], beta: [Double], epsilon: Double = 1e-3
  ) -> [Double] {
    stride(from: 0, to: x.count, by: width).flatMap { start in
      let row = x[start..<(start + width)]
      let mean = row.reduce(0, +) / Double(width)
      let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
      return zip(row, zip(gamma, beta)).map { ($0 - mean) / (variance + epsilon).squareRoot() * $1.0 + $1.1 }
    }
  }

  /// Numbers that bfloat16 and float16 hold exactly, so that only arithmetic can be off.
  static let small: [Double] = [0.5, -1.25, 2, 0.75, -0.5, 3, 1.5, -2.25, 0.125, 4, -3, 1]
  static let gamma: [Double] = [0.75, 1.25, -0.5, 1.5]
  static let beta: [Double] = [0.25, -0.75, 0.5, 1]
  static let cotangent: [Double] = [1, -0.5, 0.25, 2, -1.5, 0.75, 1, -1, 0.5, -2, 1.25, 0.5]

  struct Case: Sendable {
    var policy: DTypePolicy
    /// What the arithmetic may add to the rounding of results.
    var slack: Double
  }

  static let cases: [Case] = [
    Case(policy: .float64, slack: 1e-13), Case(policy: .float32, slack: 1e-6), Case(policy: .float16, slack: 1e-6),
    Case(policy: .bfloat16, slack: 1e-6), Case(policy: .mixedFloat16, slack: 1e-6),
    Case(policy: .mixedBFloat16, slack: 1e-6),
  ]

  /// The factors make inputs of order 1, of 1e3 (whose squares leave float16) and near the largest of float16.
  @Test(arguments: cases, [1.0, 512, 8192])
  func onlyTheResultIsRounded(_ item: Case, _ factor: Double) throws {
    let x = Self.small.map { $0 * factor }
    let input = try Tensor(x, shape: [3, 4], dtype: .float64)
    let run = try LayerRun(
      LayerNormalization(policy: item.policy), input, weights: ["gamma": Self.gamma, "beta": Self.beta])
    let compute = try #require(item.policy.computeDType)
    #expect(run.output.dtype == compute)
    let expected = Self.reference(x, width: 4, gamma: Self.gamma, beta: Self.beta)
    #expect(excess(run.output.scalars(), expected, roundedTo: compute) <= item.slack)
  }

  @Test(arguments: cases) func gradientsAgreeWithDifferences(_ item: Case) throws {
    let input = try Tensor(Self.small, shape: [3, 4], dtype: .float64)
    let run = try LayerRun(
      LayerNormalization(policy: item.policy), input, weights: ["gamma": Self.gamma, "beta": Self.beta],
      cotangent: Self.cotangent)
    func loss(_ x: [Double], _ gamma: [Double], _ beta: [Double]) -> Double {
      zip(Self.reference(x, width: 4, gamma: gamma, beta: beta), Self.cotangent).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let compute = try #require(item.policy.computeDType)
    let stored = try #require(item.policy.variableDType)
    let slack = max(item.slack, 1e-8)
    let byInput = differences(Self.small) { loss($0, Self.gamma, Self.beta) }
    #expect(excess(try #require(run.inputGradient).scalars(), byInput, roundedTo: compute) <= slack)
    let byGamma = differences(Self.gamma) { loss(Self.small, $0, Self.beta) }
    #expect(excess(try #require(run.weightGradients["gamma"]).scalars(), byGamma, roundedTo: stored) <= slack)
    let byBeta = differences(Self.beta) { loss(Self.small, Self.gamma, $0) }
    #expect(excess(try #require(run.weightGradients["beta"]).scalars(), byBeta, roundedTo: stored) <= slack)
  }

  /// A float32 parameter that bfloat16 does not hold keeps its digits.
  @Test func parametersAreNotCastToTheComputeDType() throws {
    let input = try Tensor([1, -1], shape: [1, 2], dtype: .float32)
    let gamma = 1 + 0x1p-8
    let run = try LayerRun(
      LayerNormalization(epsilon: 0, policy: .mixedBFloat16), input, weights: ["gamma": [256 * gamma, 1]])
    #expect(run.dtypes == ["gamma": .float32, "beta": .float32])
    // 257 rounds to 256 on its way out; had gamma been rounded, beta would not matter.
    let shifted = try LayerRun(
      LayerNormalization(epsilon: 0, policy: .mixedBFloat16), input,
      weights: ["gamma": [256 * gamma, 1], "beta": [-256, 0]])
    #expect(run.output.scalars()[0] == 256)
    #expect(shifted.output.scalars()[0] == 1)
  }

  @Test func axesMayBeAnyAndSeveral() throws {
    let x = Self.small
    let input = try Tensor(x, shape: [2, 3, 2], dtype: .float64)
    let (gamma, beta) = ([1.5, 0.5, -1, 2, 0.25, 1], [0, 1, -1, 0.5, 0, 2])
    let both = try LayerRun(
      LayerNormalization(axis: [2, 1], policy: .float64), input, weights: ["gamma": gamma, "beta": beta])
    #expect(both.variables.map(\.type.shape) == [[3, 2], [3, 2]])
    let expected = Self.reference(x, width: 6, gamma: gamma, beta: beta)
    #expect(excess(both.output.scalars(), expected, roundedTo: .float64) < 1e-13)
    let middle = try LayerRun(LayerNormalization(axis: [1], scale: false, policy: .float64), input)
    #expect(middle.variables.map(\.path) == ["beta"])
    #expect(middle.variables.map(\.type.shape) == [[3]])
    var back = x
    for first in [0, 1, 6, 7] {
      let places = [first, first + 2, first + 4]
      let column = Self.reference(places.map { x[$0] }, width: 3, gamma: [1, 1, 1], beta: [0, 0, 0])
      for (place, value) in zip(places, column) { back[place] = value }
    }
    #expect(excess(middle.output.scalars(), back, roundedTo: .float64) < 1e-13)
  }

  @Test func withoutCenterAndScaleThereAreNoVariables() throws {
    let input = try Tensor([3, 4, 5], shape: [1, 3], dtype: .int32)
    let run = try LayerRun(LayerNormalization(center: false, scale: false, policy: .mixedFloat16), input)
    #expect(run.variables.isEmpty)
    #expect(run.output.dtype == .float16)
    let expected = Self.reference([3, 4, 5], width: 3, gamma: [1, 1, 1], beta: [0, 0, 0])
    #expect(excess(run.output.scalars(), expected, roundedTo: .float16) < 1e-6)
  }

  @Test func whatCannotBeNormalisedSaysSo() throws {
    let input = try Tensor([1, 2], shape: [1, 2], dtype: .float32)
    func error(_ layer: LayerNormalization) -> LayerError? {
      #expect(throws: LayerError.self) { try LayerRun(layer, input) }
    }
    let integer = try DTypePolicy("int32")
    #expect(error(LayerNormalization(policy: integer)) == .nonFloatingPolicy(layer: "", policy: "int32"))
    #expect(
      error(LayerNormalization(axis: [2], policy: .float32))
        == .inputShape(layer: "", expected: "with an axis 2", found: [1, 2]))
    for axis in [[], [0, 0], [1, -1]] {
      #expect(
        error(LayerNormalization(axis: axis, policy: .float32))
          == .invalidConfiguration(layer: "layer ", expected: "one or more different axes", found: "\(axis)"))
    }
    for epsilon in [-1e-3, .nan, .infinity] {
      #expect(error(LayerNormalization(epsilon: epsilon, policy: .float32)) != nil)
    }
  }
}
