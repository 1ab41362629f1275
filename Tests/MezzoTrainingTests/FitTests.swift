import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

@Suite struct FitTests {
  /// Two clouds of points that a line separates.
  static func clouds(_ count: Int = 200, dtype: DType = .float32, magnitude: Double = 1) throws -> DataSet {
    var random = SplitMix64(seed: 9)
    var points: [Double] = []
    var labels: [Double] = []
    for index in 0..<count {
      let side = index % 2 == 0 ? 1.0 : -1.0
      for center in [side, -side] {
        let coordinate: Double = center + random.normal() * 0.3
        points.append(coordinate * magnitude)
      }
      labels.append(index % 2 == 0 ? 1 : 0)
    }
    return try DataSet(
      features: Tensor(points, shape: [count, 2], dtype: dtype), targets: Tensor(labels, shape: [count], dtype: .int32))
  }

  static func model(_ policy: DTypePolicy, runtime: Runtime = .builtinOnly(), seed: UInt64 = 1) -> Model {
    Model(seed: seed, runtime: runtime) {
      Dense(8, activation: .relu, policy: policy)
      Dense(2, policy: policy == .float64 ? .float64 : .float32)
    }
  }

  @Test(arguments: [
    DTypePolicy.float32, .float64, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16,
  ])
  func everyPolicyLearns(policy: DTypePolicy) async throws {
    let data = try Self.clouds()
    let model = Self.model(policy)
    let history = try await model.fit(data, epochs: 6, batch: 16, optimizer: .adam(learningRate: 0.02))
    #expect(history.epochs.last.map { $0.loss < 0.1 } == true)
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
    #expect((history.lossScale != nil) == (policy.computeDType == .float16))
  }

  @Test(
    arguments: Sample.every(
      2,
      of: [
        Muon(learningRate: 0.02), Adam(learningRate: 0.02), ScheduleFreeAdamW(learningRate: 0.05),
        SGD(learningRate: 0.1, momentum: 0.9), SGD(learningRate: 0.1, nesterov: true),
      ] as [any Optimizer]))
  func everyOptimizerLearns(optimizer: any Optimizer) async throws {
    let data = try Self.clouds()
    let model = Self.model(.mixedBFloat16)
    try await model.fit(data, epochs: 5, batch: 20, optimizer: optimizer)
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
  }

  /// With the built-in backend alone, and with all that are ready on this machine.
  @Test(
    arguments: [Runtime.builtinOnly(), .shared],
    Sample.every(2, of: [DTypePolicy.float32, .mixedBFloat16, .mixedFloat16]))
  func theSameSeedsGiveTheSameBits(runtime: Runtime, policy: DTypePolicy) async throws {
    let data = try Self.clouds()
    var weights: [Variables] = []
    for seed in [5, 5, 6] as [UInt64] {
      let model = Model(seed: 3, runtime: runtime) {
        Dense(48, activation: .relu, policy: policy)
        Dropout(0.2, policy: policy)
        Dense(2, policy: .float32)
      }
      try await model.fit(data, epochs: 2, batch: 32, seed: seed)
      weights.append(try model.variables)
    }
    #expect(weights[0] == weights[1])
    #expect(weights[0] != weights[2])
  }

  @Test func aRegressionLearns() async throws {
    let xs = (0..<64).map { Double($0) / 32 - 1 }
    let data = try DataSet(
      features: Tensor(xs, shape: [64, 1], dtype: .float32),
      targets: Tensor(xs.map { 3 * $0 - 0.5 }, shape: [64, 1], dtype: .float32))
    let model = Model(Dense(1, policy: .float32), runtime: .builtinOnly())
    try await model.fit(data, epochs: 60, batch: 16, optimizer: .sgd(learningRate: 0.1), loss: .meanSquaredError)
    #expect(try model.evaluate(data, loss: .meanSquaredError).loss < 1e-3)
    #expect(abs((try model.variables["kernel"]?.scalar() ?? 0) - 3) < 0.05)
  }

  @Test func frozenVariablesStay() async throws {
    let data = try Self.clouds()
    let model = Self.model(.float32)
    try model.build(input: [1, 2])
    var variables = try model.variables
    struct Scale: Layer {
      var policy = DTypePolicy.float32
      func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
        try input * context.variable("scale", shape: [2], initializer: .constant(2), isTrainable: false)
      }
    }
    let frozen = Model(runtime: .builtinOnly()) {
      Scale()
      Dense(2, policy: .float32)
    }
    try await frozen.fit(data, batch: 50)
    variables = try frozen.variables
    #expect(variables["scale.scale"]?.scalars() == [2, 2])
    #expect(!variables.isTrainable("scale.scale"))
    #expect(throws: TrainingError.frozen) { try frozenOnly() }
    func frozenOnly() throws {
      _ = try Trainer(
        Model(Scale(), runtime: .builtinOnly()), features: TensorType(.float32, [4, 2]),
        targets: TensorType(.int32, [4]))
    }
  }

  @Test func progressIsToldOfEveryStep() async throws {
    let seen = Locked<[TrainingProgress]>([])
    try await Self.model(.mixedFloat16).fit(Self.clouds(100), epochs: 2, batch: 30) { progress in
      seen.withLock { $0.append(progress) }
    }
    let all = seen.withLock { $0 }
    #expect(all.map(\.step) == [1, 2, 3, 4, 1, 2, 3, 4])
    for progress in all {
      #expect(progress.steps == 4)
      #expect(progress.epochs == 2)
      #expect(progress.lossScale == 32768)
    }
  }

  @Test func cancellingKeepsTheWeightsSoFar() async throws {
    let data = try Self.clouds()
    let model = Self.model(.float32)
    try model.build(input: [1, 2])
    let before = try model.variables
    let task = Task {
      try await model.fit(data, epochs: 1_000_000, batch: 20) { progress in
        if progress.epoch == 2 { withUnsafeCurrentTask { $0?.cancel() } }
      }
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try model.variables != before)
  }

  @Test func whatCannotBeTrainedIsATypedError() async throws {
    let data = try Self.clouds(10)
    let model = Self.model(.float32)
    await #expect(throws: TrainingError.batchTooLarge(batch: 11, examples: 10)) { try await model.fit(data, batch: 11) }
    await #expect(throws: TrainingError.invalidOption(name: "epochs", expected: "at least 1", found: "0")) {
      try await model.fit(data, epochs: 0, batch: 2)
    }
    await #expect(throws: TrainingError.invalidOption(name: "the batch", expected: "at least 1", found: "0")) {
      try await model.fit(data, batch: 0)
    }
    let empty = try data.subset([])
    await #expect(throws: TrainingError.emptyDataSet(name: "training")) { try await model.fit(empty, batch: 1) }
    #expect(throws: TrainingError.emptyDataSet(name: "test")) { try model.evaluate(empty) }
    let wild = try DataSet(
      features: data.features, targets: Tensor([0, 1, 0, 1, 7, 0, 1, 0, 1, 0], shape: [10], dtype: .int32))
    await #expect(throws: TrainingError.labelOutOfRange(label: 7, index: 4, classes: 2)) {
      try await model.fit(wild, batch: 5)
    }
  }

  @Test(
    arguments: [
      Adam(learningRate: -1), Adam(learningRate: .nan), Adam(learningRate: 1e300), Adam(beta1: 1), Adam(beta2: 2),
      Adam(epsilon: -1), SGD(learningRate: .infinity), SGD(momentum: 1.5),
    ] as [any Optimizer])
  func settingsThatCannotTrainAreRefused(optimizer: any Optimizer) async throws {
    let data = try Self.clouds(10)
    let error = await #expect(throws: TrainingError.self) {
      try await Self.model(.float32).fit(data, batch: 5, optimizer: optimizer)
    }
    guard case .invalidOption? = error else {
      Issue.record("expected invalidOption, got \(String(describing: error))")
      return
    }
  }

  @Test(arguments: [LossScale.fixed(0), .fixed(-8), .dynamic(initialScale: .nan), .dynamic(initialScale: .infinity)])
  func scalesThatCannotScaleAreRefused(scale: LossScale) async throws {
    let data = try Self.clouds(10)
    await #expect(throws: TrainingError.self) {
      try await Self.model(.mixedFloat16).fit(data, batch: 5, scaling: .scale(scale))
    }
  }

  @Test func validationDataOfAnotherShapeIsFoundBeforeTraining() async throws {
    let data = try Self.clouds(10)
    let other = try DataSet(features: data.features.reshaped([5, 4]), targets: data.subset(0..<5).targets)
    await #expect(throws: TrainingError.exampleShape(expected: [2], found: [4])) {
      try await Self.model(.float32).fit(data, validation: other, batch: 5)
    }
  }

  @Test func targetsAreNeverBroadcast() async throws {
    let xs = (0..<32).map { Double($0) / 16 - 1 }
    let features = try Tensor(xs, shape: [32, 1], dtype: .float32)
    let flat = try DataSet(features: features, targets: Tensor(xs.map { 3 * $0 }, shape: [32], dtype: .float32))
    let model = Model(Dense(1, policy: .float32), runtime: .builtinOnly())
    try await model.fit(flat, epochs: 60, batch: 8, optimizer: .sgd(learningRate: 0.1), loss: .meanSquaredError)
    #expect(abs((try model.variables["kernel"]?.scalar() ?? 0) - 3) < 0.01)
    let wide = try DataSet(features: features, targets: Tensor(zeros: TensorType(.float32, [32, 8])))
    let error = #expect(throws: GraphError.self) { try model.evaluate(wide, loss: .meanSquaredError) }
    #expect(error?.layer == "loss")
  }

  @Test func seedsNextToEachOtherDropDifferentElements() async throws {
    let data = try Self.clouds(16)
    var weights: [Variables] = []
    for seed in [1, 2] as [UInt64] {
      let model = Model(seed: 3, runtime: .builtinOnly()) {
        Dropout(0.5, policy: .float32)
        Dense(2, policy: .float32)
      }
      // One step over all examples, whose order then matters to rounding alone.
      try await model.fit(data, batch: 16, optimizer: .sgd(learningRate: 1), seed: seed)
      weights.append(try model.variables)
    }
    let kernels = try weights.map { try #require($0["dense.kernel"]).scalars() }
    #expect(zip(kernels[0], kernels[1]).contains { abs($0 - $1) > 1e-3 })
  }

  @Test func labelsOutsideAreFoundInEveryDataSet() async throws {
    let data = try Self.clouds(10)
    let wild = try DataSet(
      features: data.features, targets: Tensor([0, 1, 0, 1, 0, 0, 1, 0, 1, 2], shape: [10], dtype: .int32))
    let expected = TrainingError.labelOutOfRange(label: 2, index: 9, classes: 2)
    let model = Self.model(.float32)
    await #expect(throws: expected) { try await model.fit(data, validation: wild, batch: 5) }
    #expect(throws: expected) { try model.evaluate(wild) }
  }

  @MainActor @Test func trainingLeavesTheCallersActor() async throws {
    let isMain = Locked(true)
    try await Self.model(.float32).fit(Self.clouds(20), batch: 10) { _ in
      isMain.withLock { $0 = Thread.isMainThread }
    }
    #expect(!isMain.withLock { $0 })
  }

  @Test func plansGoWithTheirModel() throws {
    weak var plan: Plan?
    func predict() throws {
      let model = Self.model(.float32)
      _ = try model(Tensor([1, 2], shape: [1, 2], dtype: .float32))
      plan = try model.plan(input: TensorType(.float32, [1, 2]))
      #expect(plan != nil)
    }
    try predict()
    #expect(plan == nil)
  }

  @Test func aStepThatIsLostSaysSo() async throws {
    let error = await #expect(throws: TrainingError.self) {
      try await Self.model(.mixedFloat16).fit(Self.clouds(20), batch: 5, scaling: .scale(.fixed(1e30)))
    }
    #expect(error?.description.hasPrefix("the gradients of step 1 are not finite") == true)
  }

  @Test func layersTooLargeForAnyMemoryAreATypedError() throws {
    let model = Model(runtime: .builtinOnly()) { Dense(1 << 50, policy: .float32) }
    #expect(throws: GraphError.self) { try model.build(input: [1, 4]) }
    let wide = Model(runtime: .builtinOnly()) { Dense(4, policy: .float32) }
    #expect(throws: Never.self) { try wide.explain(input: [1 << 10, 1 << 20]) }
    #expect(!wide.isBuilt)
  }

  @Test func shapesThatDoNotFitNameTheLayer() async throws {
    let model = Self.model(.float32)
    try model.build(input: [1, 3])
    let data = try Self.clouds(10)
    let error = await #expect(throws: LayerError.self) { try await model.fit(data, batch: 2) }
    #expect(error?.description.contains("layer dense") == true)
  }

  @Test(arguments: [Double.nan, .infinity])
  func featuresThatAreNotFiniteAreFoundBeforeTraining(value: Double) throws {
    #expect(throws: TrainingError.nonFiniteFeature(example: 1, element: 1, value: "\(value)")) {
      try DataSet(
        features: Tensor([0, 0, 0, value], shape: [2, 2], dtype: .float32),
        targets: Tensor([0, 1], shape: [2], dtype: .int32))
    }
    let model = Self.model(.float32)
    #expect(throws: LayerError.nonFiniteInput(index: 1, value: "\(value)")) {
      try model.predict(Tensor([0, value], shape: [1, 2], dtype: .float32))
    }
  }

  @Test func predictionsComeInOrderWhateverTheBatch() throws {
    let data = try Self.clouds(50)
    let model = Self.model(.float32)
    let whole = try model.predict(data.features, batch: 50)
    #expect(whole.shape == [50, 2])
    #expect(try model.predict(data.features, batch: 7) == whole)
  }
}
