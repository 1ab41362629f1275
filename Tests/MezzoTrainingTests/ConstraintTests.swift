import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

@Suite struct ConstraintTests {
  private let runtime = Runtime.builtinOnly()

  private func constrained(_ constraint: Constraint, _ values: [Double], _ shape: [Int], _ dtype: DType = .float32)
    throws -> [Double]
  {
    try runtime.evaluate([Tensor(values, shape: shape, dtype: dtype)]) { [try constraint($0[0])] }[0].scalars()
  }

  @Test func constraintsAreKerass() throws {
    // Columns of norms 5 and 1.
    let matrix = [3.0, 0.6, -4, 0.8]
    func expect(_ constraint: Constraint, _ expected: [Double]) throws {
      for (found, expected) in zip(try constrained(constraint, matrix, [2, 2]), expected) {
        #expect(abs(found - expected) < 1e-5)
      }
    }
    try expect(.maxNorm(2), [1.2, 0.6, -1.6, 0.8])
    try expect(.nonNegative, [3, 0.6, 0, 0.8])
    try expect(.unitNorm(), [0.6, 0.6, -0.8, 0.8])
    try expect(.minMaxNorm(minimum: 2, maximum: 3, rate: 0.5), [2.4, 0.9, -3.2, 1.2])
    let rows = [9 + 0.36, 16 + 0.64].map { $0.squareRoot() }
    try expect(.unitNorm(axis: [-1]), [3 / rows[0], 0.6 / rows[0], -4 / rows[1], 0.8 / rows[1]])
    // Norms whose squares leave the range of 16 bits.
    #expect(try constrained(.maxNorm(500), [300, 400, 6000, 8000], [2, 2], .float16).allSatisfy(\.isFinite))
  }

  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .bfloat16], [1, 2])
  func trainingKeepsThem(policy: DTypePolicy, accumulating: Int) async throws {
    let model = withPolicy(policy) {
      Model(seed: 3, runtime: runtime) {
        Dense(6, activation: .tanh, kernelConstraint: .maxNorm(0.5), biasConstraint: .nonNegative, name: "first")
        Dense(2, kernelConstraint: .unitNorm(axis: [1]), name: "last", policy: .float32)
      }
    }
    try await model.fit(
      FitTests.clouds(40), epochs: 4, batch: 10, accumulating: accumulating, optimizer: .adam(learningRate: 0.1))
    let variables = try model.variables
    let kernel = try #require(variables["first.kernel"]).scalars()
    let tolerance = policy.variableDType == .bfloat16 ? 4e-3 : 1e-5
    for column in 0..<6 {
      let squares = stride(from: column, to: kernel.count, by: 6).map { (place: Int) -> Double in
        kernel[place] * kernel[place]
      }
      let norm: Double = squares.reduce(0, +).squareRoot()
      #expect(norm <= 0.5 + tolerance)
    }
    #expect(try #require(variables["first.bias"]).scalars().allSatisfy { $0 >= 0 })
    let last = try #require(variables["last.kernel"]).scalars()
    for row in 0..<6 {
      let (left, right) = (last[2 * row], last[2 * row + 1])
      let norm: Double = (left * left + right * right).squareRoot()
      #expect(abs(norm - 1) < 1e-5)
    }
  }

  /// A step that is left out changes no bit, not even of a variable that the constraint would move.
  @Test func skippedStepsLeaveEverything() throws {
    let model = withPolicy(.mixedFloat16) {
      Model(seed: 3, runtime: runtime) { Dense(2, kernelConstraint: .unitNorm()) }
    }
    var trainer = try Trainer(
      model, features: TensorType(.float32, [2, 2]), targets: TensorType(.float32, [2, 2]), loss: .meanSquaredError,
      optimizer: LossScaleOptimizer(SGD(), lossScale: .dynamic()))
    let before = try trainer.weights
    let large = try Tensor([6e4, -6e4, 6e4, 6e4], shape: [2, 2], dtype: .float32)
    let outcome = try trainer.train(on: TrainingBatch(features: large, targets: large))
    #expect(!outcome.isApplied)
    #expect(try trainer.weights == before)
  }

  @Test(arguments: [Constraint.maxNorm(-1), .maxNorm(.nan), .unitNorm(axis: [2]), .unitNorm(axis: [0, -2])])
  func onesThatCannotBeKeptAreRefused(constraint: Constraint) throws {
    let model = Model(Dense(2, kernelConstraint: constraint, policy: .float32), runtime: runtime)
    let error = #expect(throws: LayerError.self) { try model.build(input: [1, 2]) }
    #expect(error?.description.contains("the constraint of kernel expected") == true)
  }

  @Test func anglesBetweenRowsArePenalized() throws {
    let rows = try Tensor([1, 0, 1, 1, 0, 2], shape: [3, 2], dtype: .float32)
    let penalty = try runtime.evaluate([rows]) { [try Regularizer.orthogonal(0.5).penalty($0[0])] }[0].scalar()
    // Of the three pairs two are at 45 degrees.
    #expect(abs(penalty - 0.5 * 2 / 3 * 0.5.squareRoot()) < 1e-6)
    let vector = Model(Dense(2, biasRegularizer: .orthogonal(), policy: .float32), runtime: runtime)
    #expect(throws: LayerError.self) { try vector.build(input: [1, 2]) }
  }
}
