import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// The optimizer in eager computation: tensors in, variables updated.
@Suite struct LossScaleOptimizerTests {
  private let runtime = Runtime.builtinOnly()

  private func tensor(_ values: [Double], _ dtype: DType = .float32) throws -> Tensor {
    try Tensor(values, shape: [values.count], dtype: dtype)
  }

  /// A step of TensorFlow's traces: f is 1, z 0, n NaN, i infinite, o no gradient.
  private func gradients(_ step: String) throws -> Gradients<Tensor> {
    let values: [Character: Double] = ["f": 1, "z": 0, "n": .nan, "i": .infinity, "m": -.infinity]
    return Gradients(try step.map { letter in try values[letter].map { try tensor([$0]) } })
  }

  @Test func followsTensorFlowStepByStep() throws {
    var optimizer = try LossScaleOptimizer(
      SGD(learningRate: 1), lossScale: .dynamic(initialScale: 64, growthInterval: 2))
    var variables = [try tensor([0]), try tensor([0])]
    var trace: [(Float, Int, Int, Bool)] = []
    for step in ["ff", "fn", "nf", "ff", "fz", "of", "ff"] {
      let event = try optimizer.apply(gradients(step), to: &variables, on: runtime)
      trace.append((optimizer.lossScale.value, optimizer.lossScale.goodSteps, optimizer.iterations, event.appliesStep))
    }
    #expect(trace.map(\.0) == [64, 32, 16, 16, 32, 32, 64])
    #expect(trace.map(\.1) == [1, 0, 0, 1, 0, 1, 0])
    #expect(trace.map(\.2) == [1, 2, 3, 4, 5, 6, 7])
    #expect(trace.map(\.3) == [true, false, false, true, true, true, true])
    #expect(variables.map { $0.scalars() } == [[-4], [-4]])
  }

  @Test func kerasThreeDoesNotCountWhatItSkips() throws {
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 1), lossScale: .keras3(initialScale: 4))
    var variables = [try tensor([0])]
    for step in "fnf" { try optimizer.apply(gradients("\(step)"), to: &variables, on: runtime) }
    #expect(optimizer.iterations == 2)
    #expect(optimizer.lossScale.value == 2)
  }

  @Test func aFixedScaleAppliesEverything() throws {
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 1), lossScale: .fixed(8))
    var variables = [try tensor([0])]
    for step in "fif" { #expect(try optimizer.apply(gradients("\(step)"), to: &variables, on: runtime) == .unchanged) }
    #expect(variables[0].scalars() == [-.infinity])
    #expect(optimizer.iterations == 3)
  }

  @Test func aSkippedStepChangesNoVariableAndNoSlot() throws {
    var optimizer = try LossScaleOptimizer(Adam(), lossScale: .keras3())
    var untouched = optimizer
    var variables = [try tensor([1, 2])]
    var others = variables
    for bad in [false, true, false, true, true, false] {
      let good = Gradients([try tensor([0.5, -3])])
      try optimizer.apply(bad ? Gradients([try tensor([.nan, 1])]) : good, to: &variables, on: runtime)
      if !bad { try untouched.apply(good, to: &others, on: runtime) }
    }
    #expect(variables == others)
  }

  @Test func tensorsThatSomebodyElseHoldsStayAsTheyAre() throws {
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 1))
    let held = try tensor([5])
    var variables = [held]
    try optimizer.apply(gradients("f"), to: &variables, on: runtime)
    #expect(held.scalars() == [5] && variables[0].scalars() == [4])
  }

  /// A gradient of 2⁻²⁶ is 0 in float16.
  @Test func smallGradientsSurviveFloat16() throws {
    let x = try tensor([0x1p-13], .float16)
    func loss(_ variables: [SymbolicTensor], _ inputs: [SymbolicTensor]) throws -> SymbolicTensor {
      try (variables[0].cast(to: .float16) * inputs[0] * 0x1p-13).sum()
    }
    var kept: [Double] = []
    for scale in [1, 32768] as [Float] {
      var optimizer = try LossScaleOptimizer(SGD(learningRate: 1), lossScale: .dynamic(initialScale: scale))
      var variables = [try tensor([0])]
      try optimizer.minimize(&variables, inputs: [x], on: runtime, loss: loss)
      kept.append(variables[0].scalars()[0])
    }
    #expect(kept == [0, -0x1p-26])
  }

  /// Unscaling is exact in float16 too: 1∕2²⁶ is 0 there, and TensorFlow's gradients with it.
  @Test(arguments: [DType.float16, .bfloat16, .float32, .float64])
  func unscalesInAtLeastFloat32(dtype: DType) throws {
    let scaled = ScaledGradients([try tensor([4], dtype), nil], scale: try Tensor(0x1p26, dtype: .float32))
    let gradients = try scaled.unscaled(on: runtime)
    #expect(gradients.values[0]?.scalars() == [0x1p-24])
    #expect(gradients.values[0]?.dtype == dtype)
    #expect(gradients.values.count == 2 && gradients.values[1] == nil)
  }

  @Test func scaledLossesAreAtLeastFloat32() throws {
    let optimizer = try LossScaleOptimizer(SGD())
    for (dtype, expected) in [
      (DType.float16, DType.float32), (.bfloat16, .float32), (.float32, .float32), (.float64, .float64),
    ] {
      let scaled = try optimizer.scaledLoss(Tensor(3, dtype: dtype), on: runtime).tensor
      #expect(scaled == (try Tensor(98304, dtype: expected)))
    }
  }

  @Test func minimizesWhatFitMinimizes() async throws {
    let data = try FitTests.clouds(32)
    let model = Model(Dense(2, useBias: false, policy: .float32), seed: 3, runtime: runtime)
    try model.build(input: [1, 2])
    var variables = [try #require(try model.variables["kernel"])]
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 0.25, momentum: 0.5))
    for _ in 0..<5 {
      try optimizer.minimize(&variables, inputs: [data.features, data.targets], on: runtime) { variables, inputs in
        try Loss.sparseCategoricalCrossentropy(inputs[0].matmul(variables[0]), target: inputs[1])
      }
    }
    try await model.fit(
      data, epochs: 5, batch: 32, optimizer: LossScaleOptimizer(SGD(learningRate: 0.25, momentum: 0.5)))
    let trained = try #require(try model.variables["kernel"]).scalars()
    // One batch of all examples, in another order of summation.
    for (left, right) in zip(trained, variables[0].scalars()) { #expect(abs(left - right) < 32 * 0x1p-24) }
  }

  @Test(
    arguments: [
      (GradientClipping.value(0.5), [-0.5, -0.5]), (.norm(1), [-0.6, -0.8]), (.globalNorm(1), [-0.6, -0.8]),
      (.norm(10), [-3, -4]), (.globalNorm(10), [-3, -4]), (.value(3.5), [-3, -3.5]),
    ] as [(GradientClipping, [Double])])
  func clipsWhatIsUnscaled(clipping: GradientClipping, expected: [Double]) throws {
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 1, clipping: clipping), lossScale: .fixed(1024))
    var variables = [try tensor([0, 0])]
    let scaled = ScaledGradients([try tensor([3072, 4096])], scale: try Tensor(1024, dtype: .float32))
    try optimizer.apply(scaled.unscaled(on: runtime), to: &variables, on: runtime)
    for (found, expected) in zip(variables[0].scalars(), expected) { #expect(abs(found - expected) < 4 * 0x1p-24) }
  }

  @Test func theGlobalNormIsThatOfAllGradients() throws {
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 1, clipping: .globalNorm(1)))
    var variables = [try tensor([0]), try tensor([0])]
    try optimizer.apply(Gradients([try tensor([3]), try tensor([4])]), to: &variables, on: runtime)
    for (found, expected) in zip(variables, [-0.6, -0.8]) { #expect(abs(found.scalars()[0] - expected) < 4 * 0x1p-24) }
  }

  @Test func theLearningRateIsTheInnerOptimizers() throws {
    var optimizer = try LossScaleOptimizer(SGD(learningRate: 0.5))
    #expect(optimizer.learningRate == 0.5)
    optimizer.learningRate = 0.25
    #expect(optimizer.innerOptimizer.learningRate == 0.25)
  }

  @Test func whatDoesNotFitIsATypedError() throws {
    var optimizer = try LossScaleOptimizer(SGD(momentum: 0.5))
    var variables = [try tensor([1])]
    #expect(throws: TrainingError.gradientCount(expected: 1, found: 0)) {
      try optimizer.apply(Gradients([]), to: &variables, on: runtime)
    }
    #expect(throws: TrainingError.noGradients) { try optimizer.apply(Gradients([nil]), to: &variables, on: runtime) }
    for gradient in [try tensor([1, 2]), try tensor([1], .int32)] {
      #expect(
        throws: TrainingError.gradientType(
          variable: 0, expected: TensorType(.float32, [1]), found: gradient.type)
      ) { try optimizer.apply(Gradients([gradient]), to: &variables, on: runtime) }
    }
    try optimizer.apply(gradients("f"), to: &variables, on: runtime)
    var others = [try tensor([1, 2])]
    #expect(throws: TrainingError.self) {
      try optimizer.apply(Gradients([try tensor([1, 2])]), to: &others, on: runtime)
    }
    #expect(optimizer.iterations == 1 && others[0].scalars() == [1, 2])
  }

  @Test func scalingTwiceIsRefused() throws {
    let once = try LossScaleOptimizer(SGD())
    #expect(throws: TrainingError.nestedLossScaling) { try LossScaleOptimizer(once) }
  }
}
