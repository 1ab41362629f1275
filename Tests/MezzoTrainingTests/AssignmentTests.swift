import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Variables that layers assign to while they are trained.
@Suite struct AssignmentTests {
  /// Counts the steps of training, and keeps the largest input it saw.
  struct Counter: Layer {
    var policy: DTypePolicy

    func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
      let steps = try context.parameter("steps", shape: [], dtype: .int64)
      let seen = try context.parameter("seen", shape: [], initializer: .zeros, isTrainable: false)
      guard context.isTraining else { return input }
      try context.assign(steps, steps.value(in: context) + 1)
      let sum = try input.cast(to: .float32).sum() * 0 + 1 + 0x1p-12
      try context.assign(seen, sum)
      return input
    }
  }

  private func model(_ policy: DTypePolicy) -> Model {
    Model(seed: 1, runtime: .builtinOnly()) {
      Dense(4, activation: .relu, policy: policy)
      Counter(policy: policy)
      Dense(2, policy: .float32)
    }
  }

  @Test(arguments: [DTypePolicy.float32, .mixedFloat16, .mixedBFloat16])
  func everyStepAssigns(policy: DTypePolicy) async throws {
    let data = try FitTests.clouds(40)
    let model = model(policy)
    // The last step of an epoch is smaller, and has a plan of its own.
    try await model.fit(data, epochs: 3, batch: 16)
    #expect(try model.variables["counter.steps"]?.scalars() == [9])
    #expect(try model.variables["counter.seen"] == Tensor(1 + 0x1p-12, dtype: .float32))
    #expect(try !model.variables.isTrainable("counter.steps"))
    #expect(try model.variables.isTrainable("dense.kernel"))
    let before = try model.variables
    _ = try model.evaluate(data)
    #expect(try model.variables == before)
    try await model.fit(data, epochs: 1, batch: 16)
    #expect(try model.variables["counter.steps"]?.scalars() == [12])
  }

  @Test func aSkippedStepAssignsNothing() async throws {
    let data = try FitTests.clouds()
    let model = model(.mixedFloat16)
    let history = try await model.fit(
      data, epochs: 2, batch: 20, scaling: .scale(.dynamic(initialScale: 0x1p30)))
    #expect(history.skippedSteps > 0)
    let steps = 2 * (data.count / 20)
    #expect(try model.variables["counter.steps"]?.scalars() == [Double(steps - history.skippedSteps)])
  }

  @Test func regularizersPullWeightsDownAndCountInTheLoss() async throws {
    struct Penalized: Layer {
      var policy = DTypePolicy.mixedBFloat16
      func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
        let kernel = try context.variable(
          "kernel", shape: [2, 2], initializer: .constant(1), regularizer: .l2(0.5))
        return try input.matmul(kernel) * 0
      }
    }
    let data = try FitTests.clouds(16)
    let model = Model(Penalized(), runtime: .builtinOnly())
    let history = try await model.fit(data, epochs: 1, batch: 16, optimizer: .sgd(learningRate: 0.25))
    // Two equal logits cost log 2, four weights of 1 cost 0.5 · 4; the slope of 0.5 · w² is w.
    #expect(abs(history.epochs[0].loss - (2 + 0.6931471805599453)) < 1e-5)
    #expect(try model.variables["kernel"]?.scalars() == [0.75, 0.75, 0.75, 0.75])
    let evaluated = try model.evaluate(data, batch: 5).loss
    #expect(abs(evaluated - (0.5 * 4 * 0.75 * 0.75 + 0.6931471805599453)) < 1e-5)
  }
}
