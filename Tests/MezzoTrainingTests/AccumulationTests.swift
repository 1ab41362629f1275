import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Updates from the gradients of several batches.
@Suite struct AccumulationTests {
  /// 100 examples in batches of 6, 4 to an update: the last update has one batch of 4 examples.
  private func weights(
    _ policy: DTypePolicy, batch: Int, accumulating: Int, optimizer: any Optimizer = .sgd(learningRate: 0.1)
  ) async throws -> (variables: Variables, history: History) {
    let model = FitTests.model(policy)
    let history = try await model.fit(
      FitTests.clouds(100), epochs: 2, batch: batch, accumulating: accumulating, optimizer: optimizer, seed: 4)
    return (try model.variables, history)
  }

  /// The sums are the same numbers in another order. In 16 bits each product is rounded besides, at the same places but to
  /// the last bit of the batch's own sum.
  @Test(arguments: [(DTypePolicy.float32, 1e-5), (.float64, 1e-13), (.mixedFloat16, 4e-3), (.mixedBFloat16, 3e-2)])
  func areThoseOfOneLargeBatch(policy: DTypePolicy, tolerance: Double) async throws {
    for optimizer in [.sgd(learningRate: 0.1, momentum: 0.5), SGD(clipping: .globalNorm(0.1))] {
      let large = try await weights(policy, batch: 24, accumulating: 1, optimizer: optimizer)
      let small = try await weights(policy, batch: 6, accumulating: 4, optimizer: optimizer)
      for path in large.variables.paths {
        let expected = try #require(large.variables[path]).scalars()
        let found = try #require(small.variables[path]).scalars()
        for (left, right) in zip(expected, found) {
          #expect(abs(left - right) <= tolerance * max(1, abs(left)), "\(path)")
        }
      }
      let (one, other) = (large.history.epochs[1], small.history.epochs[1])
      #expect(abs(one.loss - other.loss) < tolerance)
      // In at most one of 100 examples may rounding decide.
      #expect(try abs(#require(one.accuracy) - #require(other.accuracy)) < 0.011)
    }
  }

  @Test func progressCountsUpdates() async throws {
    let steps = Locked<[Int]>([])
    let model = FitTests.model(.float32)
    try await model.fit(FitTests.clouds(100), batch: 6, accumulating: 4) { progress in
      steps.withLock { $0.append(progress.step) }
      #expect(progress.steps == 5)
    }
    #expect(steps.withLock { $0 } == [1, 2, 3, 4, 5])
  }

  /// Multiplies by what makes the gradient of one example in float16 infinite, and counts its batches.
  struct Overflowing: Layer {
    var policy = DTypePolicy.mixedFloat16

    func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
      let batches = try context.parameter("batches", shape: [], dtype: .int64)
      try context.assign(batches, batches.value(in: context) + 1)
      return try input * context.variable("scale", shape: [2], initializer: .ones)
    }
  }

  /// The features of the last two examples of 12 are so large that the gradient is infinite, of the one or the other: they
  /// have different labels.
  private func badExamples() throws -> DataSet {
    let values = (0..<24).map { $0 < 20 ? Double($0 % 5) / 8 : 60000 }
    return try DataSet(
      features: Tensor(values, shape: [12, 2], dtype: .float32),
      targets: Tensor((0..<12).map { Double($0 % 2) }, shape: [12], dtype: .int32))
  }

  @Test func oneBadBatchSkipsTheWholeUpdate() async throws {
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Overflowing()
      Dense(2, policy: .float32)
    }
    try model.build(input: [1, 2])
    let before = try model.variables
    let history = try await model.fit(badExamples(), epochs: 3, batch: 3, accumulating: 4)
    #expect(history.skippedSteps == 3)
    #expect(history.lossScale?.value == 4096)
    #expect(history.lossScaleEvents.map(\.step) == [1, 2, 3])
    let first = try #require(history.lossScaleEvents.first?.firstNonFinite)
    #expect(first.phase == .backward && first.layer == "overflowing", "\(first)")
    // Also what was assigned by the batches before the bad one.
    #expect(try model.variables == before)
  }

  /// All four batches of the update are bad: the first is enough, and is what is reported.
  @Test func nothingIsComputedBehindABadBatch() async throws {
    let data = try DataSet(
      features: Tensor([Double](repeating: 60000, count: 24), shape: [12, 2], dtype: .float32),
      targets: Tensor((0..<12).map { Double($0 % 2) }, shape: [12], dtype: .int32))
    let profiler = Profiler()
    let model = Model(seed: 1, runtime: Runtime(.builtin(), profiler: profiler)) {
      Overflowing()
      Dense(2, policy: .float32)
    }
    let history = try await model.fit(data, batch: 3, accumulating: 4)
    let first = try #require(history.lossScaleEvents.first?.firstNonFinite)
    #expect(history.skippedSteps == 1 && first.phase == .backward && first.layer == "overflowing", "\(first)")
    // Once for the update, and perhaps once more for the report.
    let profile = profiler.profile
    let losses = profile.calls.filter { profile.operations[$0.operation].name.hasPrefix("sparse_cross_entropy") }
    #expect((1...2).contains(losses.count))
  }

  @Test func withoutTheBadBatchTheUpdateIsApplied() async throws {
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Overflowing()
      Dense(2, policy: .float32)
    }
    let history = try await model.fit(badExamples().subset(0..<10), epochs: 3, batch: 3, accumulating: 4)
    #expect(history.skippedSteps == 0)
    #expect(try model.variables["overflowing.batches"]?.scalars() == [12])
  }

  /// The sum of four gradients that are finite is not.
  @Test func aSumThatOverflowsIsSkippedToo() async throws {
    let features = try Tensor([Double](repeating: 1e38, count: 8), shape: [8, 1], dtype: .float32)
    let data = try DataSet(
      features: features, targets: Tensor([Double](repeating: -4, count: 8), shape: [8], dtype: .float32))
    let model = Model(Dense(1, useBias: false, kernelInitializer: .zeros, policy: .float32), runtime: .builtinOnly())
    let error = await #expect(throws: TrainingError.self) {
      try await model.fit(data, batch: 2, accumulating: 4, loss: .meanSquaredError)
    }
    guard case .nonFiniteLoss? = error else {
      Issue.record("expected nonFiniteLoss, got \(String(describing: error))")
      return
    }
    #expect(try model.variables["kernel"]?.scalars() == [0])
  }

  @Test func fewerThanOneBatchIsRefused() async throws {
    await #expect(throws: TrainingError.self) {
      try await FitTests.model(.float32).fit(FitTests.clouds(10), batch: 5, accumulating: 0)
    }
  }
}
