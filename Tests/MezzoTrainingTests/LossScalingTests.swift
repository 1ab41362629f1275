import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

@Suite struct LossScalingTests {
  @Test func gradientsThatOverflowAreSkippedTheScaleFallsAndTrainingRecovers() async throws {
    let data = try FitTests.clouds()
    let model = FitTests.model(.mixedFloat16)
    let history = try await model.fit(
      data, epochs: 6, batch: 20, optimizer: .adam(learningRate: 0.02),
      scaling: .scale(.dynamic(initialScale: 0x1p30)))
    #expect(history.skippedSteps > 0)
    #expect(history.lossScaleEvents.count == history.skippedSteps)
    #expect(history.lossScaleEvents.first?.step == 1)
    for (index, event) in history.lossScaleEvents.enumerated() {
      #expect(event.change == .shrank(from: Float(0x1p30) / Float(1 << index), to: Float(0x1p30) / Float(2 << index)))
      let first = try #require(event.firstNonFinite)
      #expect(first.layer == "dense_1" || first.layer == "dense" || first.layer == "loss")
      #expect(first.phase == .backward)
      #expect(event.description.contains("layer \(first.layer)"))
    }
    #expect(history.lossScale?.value == Float(0x1p30) / Float(1 << history.skippedSteps))
    #expect(try model.evaluate(data).accuracy ?? 0 > 0.98)
  }

  @Test func theLayerThatOverflowsForwardIsNamed() async throws {
    let data = try FitTests.clouds(40, magnitude: 1e6)
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Dense(4, name: "first", policy: .float32)
      Dense(4, kernelInitializer: .constant(3), name: "second", policy: .mixedFloat16)
      Dense(2, policy: .float32)
    }
    let before = Locked<Variables?>(nil)
    try model.build(input: [1, 2])
    before.withLock { $0 = try? model.variables }
    let error = await #expect(throws: TrainingError.self) { try await model.fit(data, epochs: 10, batch: 4) }
    guard case .nonFiniteLoss(_, _, let first?)? = error else {
      Issue.record("expected nonFiniteLoss with a report, got \(String(describing: error))")
      return
    }
    #expect(first.layer == "second")
    #expect(first.phase == .forward)
    #expect(first.dtype == .float16)
    #expect(try model.variables == before.withLock { $0 })
  }

  @Test func float32ThatDivergesStopsWithTheWeightsOfBefore() async throws {
    let data = try FitTests.clouds(40, magnitude: 1e37)
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      Dense(8, kernelInitializer: .constant(100), policy: .float32)
      Dense(2, policy: .float32)
    }
    try model.build(input: [1, 2])
    let before = try model.variables
    let error = await #expect(throws: TrainingError.self) { try await model.fit(data, epochs: 20, batch: 10) }
    guard case .nonFiniteLoss? = error else {
      Issue.record("expected nonFiniteLoss, got \(String(describing: error))")
      return
    }
    #expect(try model.variables == before)
  }

  /// A power of two changes no bit of a float32 gradient, unless it is applied twice, or not taken back.
  @Test func aScaleNeitherForgottenNorDoubledChangesNothing() async throws {
    let data = try FitTests.clouds()
    var weights: [Variables] = []
    for scaling in [LossScaling.automatic, .scale(.fixed(1024)), .scale(.dynamic(initialScale: 64, growthInterval: 3))]
    {
      let model = FitTests.model(.float32)
      try await model.fit(data, epochs: 2, batch: 20, optimizer: .sgd(learningRate: 0.1), scaling: scaling)
      weights.append(try model.variables)
    }
    #expect(weights[0] == weights[1])
    #expect(weights[0] == weights[2])
  }

  @Test func theScaleGrowsAfterItsInterval() async throws {
    let history = try await FitTests.model(.mixedFloat16).fit(
      FitTests.clouds(100), epochs: 1, batch: 10, scaling: .scale(.dynamic(initialScale: 16, growthInterval: 4)))
    #expect(history.lossScaleEvents.map(\.step) == [4, 8])
    #expect(history.lossScaleEvents.map(\.change) == [.grew(from: 16, to: 32), .grew(from: 32, to: 64)])
  }

  /// Gradients that are infinite whatever the scale: its falling to the floor, the skips there and the run of skips are told.
  @Test func aScaleThatIsStuckIsToldInTheHistory() async throws {
    let data = try DataSet(
      features: Tensor([Double](repeating: 60000, count: 40), shape: [20, 2], dtype: .float32),
      targets: Tensor([Double](repeating: 0, count: 20), shape: [20, 1], dtype: .float32))
    let model = Model(seed: 1, runtime: .builtinOnly()) {
      AccumulationTests.Overflowing()
      Dense(1, policy: .float32)
    }
    let history = try await model.fit(
      data, batch: 2, loss: .meanSquaredError, scaling: .scale(.dynamic(initialScale: 4096, floor: 1024)))
    #expect(history.skippedSteps == 10)
    #expect(
      history.lossScaleHealthEvents == [
        .init(step: 5, event: .stuckAtFloor(scale: 1024, skips: 3)),
        .init(step: 10, event: .skipsRunning(count: 10, scale: 1024)),
      ])
    #expect(history.lossScaleSummary?.longestRun == 10)
  }

  @Test func aScaleAtItsCeilingIsTold() async throws {
    let history = try await FitTests.model(.mixedFloat16).fit(
      FitTests.clouds(100), epochs: 1, batch: 10,
      scaling: .scale(.dynamic(initialScale: 16, growthInterval: 2, ceiling: 32)))
    #expect(history.lossScaleHealthEvents == [.init(step: 6, event: .stuckAtCeiling(scale: 32, droppedGrowths: 2))])
  }
}
