import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

@Suite struct TrainingCheckpointTests {
  private static func model(_ policy: DTypePolicy) -> Model {
    withPolicy(policy) {
      Model(seed: 3, runtime: .builtinOnly()) {
        Dense(12, activation: .relu)
        Dropout(0.3)
        BatchNormalization()
        Dense(2)
      }
    }
  }

  /// Cancels its task after so many updates.
  private struct Breaker: TrainingCallback {
    let updates: Int
    mutating func onTrainBatchEnd(_ training: inout TrainingSession) {
      let done = (training.epoch - 1) * (training.steps ?? 0) + training.step
      if done == updates { withUnsafeCurrentTask { $0?.cancel() } }
    }
  }

  /// 20 updates: two epochs of ten.
  private static func fit(
    _ model: Model, _ folder: TemporaryFolder, breakingAt updates: Int? = nil, optimizer: any Optimizer = .adam(),
    accumulating: Int = 1, scaling: LossScaling = .automatic, others: [any TrainingCallback] = []
  ) async throws -> History {
    let checkpoint = ModelCheckpoint(folder.path("run"))
    let data = try FitTests.clouds(60 * accumulating)
    let callbacks: [any TrainingCallback] = others + [checkpoint] + (updates.map { [Breaker(updates: $0)] } ?? [])
    return try await model.fit(
      data, validation: data, epochs: 2, batch: 6, accumulating: accumulating, optimizer: optimizer,
      metrics: [.sparseTopKCategoricalAccuracy(k: 1)], scaling: scaling, seed: 7, callbacks: callbacks,
      resuming: checkpoint.last)
  }

  /// Straight on, and broken off by cancelling and going on with new objects: the same bits.
  private func compare(
    _ policy: DTypePolicy, optimizer: any Optimizer, accumulating: Int = 1, scaling: LossScaling = .automatic,
    breaks: [Int] = [10]
  ) async throws {
    let straight = Self.model(policy)
    let expected = try await Self.fit(
      straight, TemporaryFolder(), optimizer: optimizer, accumulating: accumulating, scaling: scaling)
    let folder = try TemporaryFolder()
    for updates in breaks {
      let task = Task {
        try await Self.fit(
          Self.model(policy), folder, breakingAt: updates, optimizer: optimizer, accumulating: accumulating,
          scaling: scaling)
      }
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    let resumed = Self.model(policy)
    let found = try await Self.fit(
      resumed, folder, optimizer: optimizer, accumulating: accumulating, scaling: scaling)
    #expect(try straight.variables == resumed.variables)
    #expect(found.epochs.map(\.logs) == expected.epochs.map(\.logs))
    #expect(found.lossScale == expected.lossScale)
    #expect(found.lossScaleEvents == expected.lossScaleEvents)
    #expect(found.skippedSteps == expected.skippedSteps)
    #expect(found.lossScaleSummary == expected.lossScaleSummary)
  }

  @Test(
    arguments: Sample.every(
      4, of: [DTypePolicy.float32, .float64, .float16, .bfloat16, .mixedFloat16, .mixedBFloat16]))
  func everyPolicyGoesOnBitForBit(policy: DTypePolicy) async throws {
    try await compare(policy, optimizer: .adam(learningRate: 0.01), breaks: [3, 10, 17])
  }

  @Test(
    arguments: Sample.every(
      6,
      of: [
        SGD(learningRate: 0.05, momentum: 0.9, nesterov: true), Adam(weightDecay: 0.01), RMSprop(), Adagrad(), Lion(),
        Adafactor(), Lamb(), Nadam(), Adamax(), Ftrl(), Adadelta(),
        Muon(excludedLayers: ["dense_1"]), ScheduleFreeAdamW(warmupSteps: 5),
        ExponentialMovingAverage(Adam(learningRate: 0.02), momentum: 0.9),
        Scheduled(Adam(), by: .cosineDecay(initial: 0.05, steps: 20)),
      ] as [any Optimizer]))
  func everyOptimizerGoesOnBitForBit(optimizer: any Optimizer) async throws {
    try await compare(.mixedBFloat16, optimizer: optimizer)
  }

  /// A scale that grows every third step overflows now and then.
  @Test func aLossScaleGoesOnWithItsCount() async throws {
    let scale = LossScale(initialScale: 0x1p+14, dynamics: LossScale.Dynamics(growthInterval: 3))
    try await compare(.mixedFloat16, optimizer: .sgd(learningRate: 0.05), scaling: .scale(scale), breaks: [5, 11])
  }

  @Test func accumulationGoesOnBitForBit() async throws {
    try await compare(.mixedFloat16, optimizer: .adam(), accumulating: 3, breaks: [4, 10])
  }

  /// All that callbacks count goes on with them.
  @Test func callbacksGoOnToo() async throws {
    let data = try FitTests.clouds(40)
    func fit(_ model: Model, _ folder: TemporaryFolder, breaking: Int?) async throws -> History {
      let checkpoint = ModelCheckpoint(folder.path("run"), everySteps: 3, keepingEvery: 4, monitor: "val_loss")
      let callbacks: [any TrainingCallback] = [
        ReduceLearningRateOnPlateau(patience: 1), CSVLogger(folder.path("log.csv")),
        JSONLinesLogger(folder.path("log.jsonl")), EarlyStopping(patience: 4, restoreBestWeights: true), checkpoint,
      ]
      return try await model.fit(
        data, validation: data, epochs: 30, batch: 10, optimizer: .sgd(learningRate: 3), seed: 2,
        callbacks: callbacks + (breaking.map { [Breaker(updates: $0)] } ?? []), resuming: checkpoint.last)
    }
    let (straight, resumed) = (Self.model(.float32), Self.model(.float32))
    let (one, other) = (try TemporaryFolder(), try TemporaryFolder())
    let expected = try await fit(straight, one, breaking: nil)
    for updates in [7, 18] {
      let task = Task { try await fit(Self.model(.float32), other, breaking: updates) }
      await #expect(throws: CancellationError.self) { try await task.value }
    }
    let found = try await fit(resumed, other, breaking: nil)
    #expect(expected.epochs.count < 30 && expected.stopReason != nil)
    #expect(found.epochs.map(\.logs) == expected.epochs.map(\.logs) && found.stopReason == expected.stopReason)
    #expect(try straight.variables == resumed.variables)
    for name in ["log.csv", "log.jsonl"] {
      #expect(try Data(contentsOf: URL(filePath: one.path(name))) == Data(contentsOf: URL(filePath: other.path(name))))
    }
    for name in ["last", "best", "epoch-4"] {
      let left = try TrainingCheckpoint(one.path("run/\(name).safetensors"))
      let right = try TrainingCheckpoint(other.path("run/\(name).safetensors"))
      #expect(left.weights == right.weights && left.steps == right.steps)
    }
    // The best checkpoint has the weights that early stopping brings back.
    #expect(try TrainingCheckpoint(one.path("run/best.safetensors")).weights == straight.variables)
    // A training that has ended stays as it ended.
    let again = Self.model(.float32)
    #expect(try await fit(again, one, breaking: nil).epochs.count == expected.epochs.count)
    #expect(try again.variables == straight.variables)
  }

  @Test func moreEpochsGoOnFromAFinishedTraining() async throws {
    let folder = try TemporaryFolder()
    let data = try FitTests.clouds(40)
    let checkpoint = ModelCheckpoint(folder.path("run"))
    func fit(_ model: Model, epochs: Int) async throws {
      try await model.fit(
        data, epochs: epochs, batch: 10, callbacks: [checkpoint], resuming: checkpoint.last)
    }
    let resumed = Self.model(.float32)
    try await fit(Self.model(.float32), epochs: 2)
    try await fit(resumed, epochs: 5)
    let straight = Self.model(.float32)
    try await straight.fit(data, epochs: 5, batch: 10)
    #expect(try straight.variables == resumed.variables)
  }

  @Test func anotherTrainingIsRefused() async throws {
    let folder = try TemporaryFolder()
    let data = try FitTests.clouds(40)
    let checkpoint = ModelCheckpoint(folder.path("run"))
    let last = checkpoint.last
    func fit(
      policy: DTypePolicy = .float32, batch: Int = 10, optimizer: any Optimizer = .adam(), seed: UInt64 = 0,
      loss: Loss = .sparseCategoricalCrossentropy, accumulating: Int = 1, callbacks: [any TrainingCallback] = []
    ) async throws {
      try await Self.model(policy).fit(
        data, batch: batch, accumulating: accumulating, optimizer: optimizer, loss: loss, seed: seed,
        callbacks: callbacks + [checkpoint], resuming: last)
    }
    try await fit()
    for (what, attempt) in [
      ("the policies", { try await fit(policy: .mixedBFloat16) }), ("features of", { try await fit(batch: 8) }),
      ("the optimizer", { try await fit(optimizer: .adam(learningRate: 0.5)) }),
      ("the seed", { try await fit(seed: 4) }), ("batches in an update:", { try await fit(accumulating: 2) }),
      ("the callbacks", { try await fit(callbacks: [EarlyStopping(monitor: "loss")]) }),
    ] as [(String, () async throws -> Void)] {
      let error = await #expect(throws: TrainingError.self) { try await attempt() }
      guard case .otherTraining(last, what, _, _)? = error else {
        Issue.record("expected otherTraining of \(what), got \(String(describing: error))")
        continue
      }
    }
    let other = Model(seed: 1, runtime: .builtinOnly()) { Dense(2, policy: .float32) }
    await #expect(throws: (any Error).self) {
      try await other.fit(data, batch: 10, callbacks: [checkpoint], resuming: last)
    }
  }

  @Test func filesThatAreNoCheckpointAreTypedErrors() async throws {
    let folder = try TemporaryFolder()
    let data = try FitTests.clouds(20)
    let checkpoint = ModelCheckpoint(folder.path("run"))
    let model = Self.model(.float32)
    try await model.fit(data, batch: 10, callbacks: [checkpoint])
    let bytes = try Data(contentsOf: URL(filePath: checkpoint.last))
    for count in stride(from: 0, to: bytes.count, by: 397) {
      try bytes.prefix(count).write(to: URL(filePath: folder.path("cut")))
      #expect(throws: CheckpointError.self) { try TrainingCheckpoint(folder.path("cut")) }
    }
    try model.saveWeights(to: folder.path("weights"))
    #expect(throws: TrainingError.self) { try TrainingCheckpoint(folder.path("weights")) }
    var random = SplitMix64(seed: 5)
    for _ in 0..<40 {
      var mutated = bytes
      for _ in 0..<3 {
        mutated[Int.random(in: 8..<mutated.count / 3, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      try mutated.write(to: URL(filePath: folder.path("mutated")))
      do {
        _ = try await Self.model(.float32).fit(data, batch: 10, resuming: folder.path("mutated"))
      } catch {
        let isTyped = error is CheckpointError || error is TrainingError || error is LayerError || error is GraphError
        #expect(isTyped, "\(error)")
      }
    }
  }

  /// What a writer that was killed left in the folder goes when the next training begins.
  @Test func leftoversOfTheDeadAreRemoved() async throws {
    let folder = try TemporaryFolder()
    let checkpoint = ModelCheckpoint(folder.path("run"))
    try FileManager.default.createDirectory(atPath: checkpoint.folder, withIntermediateDirectories: true)
    let dead = Process()
    dead.executableURL = URL(filePath: "/bin/sh")
    dead.arguments = ["-c", "exit 0"]
    try dead.run()
    dead.waitUntilExit()
    let (old, living) = ("\(dead.processIdentifier)-1.part", "\(ProcessInfo.processInfo.processIdentifier)-1.part")
    for name in [old, living] { try Data().write(to: URL(filePath: "\(checkpoint.last).\(name)")) }
    try await Self.model(.float32).fit(FitTests.clouds(20), batch: 10, callbacks: [checkpoint])
    let names = try FileManager.default.contentsOfDirectory(atPath: checkpoint.folder).sorted()
    #expect(names == ["last.safetensors", "last.safetensors.\(living)"])
  }
}
