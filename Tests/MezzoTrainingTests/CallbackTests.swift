import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

@Suite struct CallbackTests {
  /// Writes down what it is called with.
  private struct Recorder: TrainingCallback {
    let calls: Locked<[String]>

    func note(_ text: String) { calls.withLock { $0.append(text) } }
    mutating func onTrainBegin(_ training: inout TrainingSession) { note("train") }
    mutating func onEpochBegin(_ training: inout TrainingSession) { note("epoch \(training.epoch)") }
    mutating func onTrainBatchBegin(_ training: inout TrainingSession) { note("batch") }
    mutating func onTrainBatchEnd(_ training: inout TrainingSession) { note("step \(training.step)") }
    mutating func onEpochEnd(_ training: inout TrainingSession) {
      note("over \(training.epoch) \(training.logs.keys.sorted().joined(separator: " "))")
    }
    mutating func onTrainEnd(_ training: inout TrainingSession) {
      switch training.ending {
      case .finished?: note("finished")
      case .stopped(let reason)?: note("stopped: \(reason)")
      case .cancelled?: note("cancelled")
      case .failed?: note("failed")
      case nil: note("no ending")
      }
    }
  }

  @Test func areCalledInTheCourseOfATraining() async throws {
    let calls = Locked<[String]>([])
    let data = try FitTests.clouds(40)
    try await FitTests.model(.float32).fit(
      data, validationSplit: 0.25, epochs: 2, batch: 20, callbacks: [Recorder(calls: calls)])
    let names = "accuracy learning_rate loss val_accuracy val_loss"
    #expect(
      calls.withLock { $0 } == [
        "train", "epoch 1", "batch", "step 1", "batch", "step 2", "over 1 \(names)", "epoch 2", "batch", "step 1",
        "batch", "step 2", "over 2 \(names)", "finished",
      ])
  }

  /// Stops at a step of the second epoch.
  private struct Stopper: TrainingCallback {
    mutating func onTrainBatchEnd(_ training: inout TrainingSession) {
      if training.epoch == 2, training.step == 3 { training.stop("enough") }
    }
  }

  @Test func mayStopATrainingWithinAnEpoch() async throws {
    let calls = Locked<[String]>([])
    let history = try await FitTests.model(.float32).fit(
      FitTests.clouds(100), epochs: 5, batch: 10, callbacks: [Stopper(), Recorder(calls: calls)])
    #expect(history.epochs.count == 2 && history.stopReason == "enough")
    #expect(calls.withLock { $0.last } == "stopped: enough")
  }

  /// A learning rate of 0 from the third epoch on, so that nothing gets better.
  private var freezing: LearningRateScheduler { LearningRateScheduler { epoch, rate in epoch < 3 ? rate : 0 } }

  @Test func earlyStoppingWaitsAndBringsTheBestWeightsBack() async throws {
    let data = try FitTests.clouds(60)
    let model = FitTests.model(.float32)
    let history = try await model.fit(
      data, validation: data, epochs: 50, batch: 20,
      callbacks: [freezing, EarlyStopping(patience: 3, restoreBestWeights: true)])
    // The third epoch is evaluated with what the second one learnt.
    #expect(history.epochs.count == 5)
    #expect(history.stopReason?.hasPrefix("val_loss has not got better") == true)
    // Of these labels some are wrong, so that large steps make the loss grow: the first epoch is the best.
    let wrong = try DataSet(
      features: data.features, targets: Tensor((0..<60).map { $0 % 7 == 0 ? 1 : 0 }, shape: [60], dtype: .int32))
    let wild = FitTests.model(.float32)
    let grown = try await wild.fit(
      wrong, validation: wrong, epochs: 20, batch: 20, optimizer: .sgd(learningRate: 0.01),
      callbacks: [
        LearningRateScheduler { epoch, rate in epoch == 1 ? rate : 30 },
        EarlyStopping(patience: 2, restoreBestWeights: true),
      ])
    let best = try #require(grown.epochs.compactMap(\.validationLoss).min())
    #expect(try wild.evaluate(wrong).loss == best)
    #expect(grown.epochs.last?.validationLoss != best)
  }

  @Test func aMeasureThatIsNotThereIsATypedError() async throws {
    let calls = Locked<[String]>([])
    let error = await #expect(throws: TrainingError.self) {
      try await FitTests.model(.float32).fit(
        FitTests.clouds(20), epochs: 2, batch: 10,
        callbacks: [EarlyStopping(monitor: "val_accuracy"), Recorder(calls: calls)])
    }
    #expect(error == .unknownMonitor(name: "val_accuracy", known: ["accuracy", "learning_rate", "loss"]))
    #expect(error?.description.contains("validation data") == true)
    #expect(calls.withLock { $0.last } == "failed")
  }

  @Test func learningRatesAreScheduledAndReduced() async throws {
    let data = try FitTests.clouds(40)
    let scheduled = try await FitTests.model(.float32).fit(
      data, epochs: 3, batch: 20, optimizer: .adam(learningRate: 0.5),
      callbacks: [LearningRateScheduler { epoch, rate in epoch == 1 ? rate : rate / 2 }])
    #expect(scheduled.epochs.map(\.learningRate) == [0.5, 0.25, 0.125])
    // Nothing is learnt at a rate of 1e-30, so that each epoch after the first counts as lost.
    let reduced = try await FitTests.model(.float32).fit(
      data, validation: data, epochs: 8, batch: 20, optimizer: .sgd(learningRate: 1e-30),
      callbacks: [ReduceLearningRateOnPlateau(factor: 0.5, patience: 2, cooldown: 1, minRate: 0.2e-30)])
    // Every second epoch is one too many, but for that of the cooldown, until the floor is reached.
    #expect(
      reduced.epochs.map(\.learningRate) == [1e-30, 1e-30, 1e-30, 0.5e-30, 0.5e-30, 0.25e-30, 0.25e-30, 0.2e-30])
    await #expect(throws: TrainingError.self) {
      try await FitTests.model(.float32).fit(data, batch: 20, callbacks: [ReduceLearningRateOnPlateau(factor: 2)])
    }
    await #expect(throws: TrainingError.self) {
      try await FitTests.model(.float32).fit(data, batch: 20, callbacks: [LearningRateScheduler { _, _ in .nan }])
    }
  }

  @Test func logsAreLinesOfAllMeasures() async throws {
    let folder = try TemporaryFolder()
    let (table, lines) = (folder.path("log.csv"), folder.path("log.jsonl"))
    let history = try await FitTests.model(.float32).fit(
      FitTests.clouds(40), epochs: 3, batch: 20, callbacks: [CSVLogger(table), JSONLinesLogger(lines)])
    let rows = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: ",").map(String.init)
    }
    #expect(rows[0] == ["epoch", "accuracy", "learning_rate", "loss"])
    for (index, epoch) in history.epochs.enumerated() {
      let expected = [epoch.accuracy ?? .nan, epoch.learningRate, epoch.loss].map { "\($0)" }
      #expect(rows[index + 1] == ["\(index + 1)"] + expected)
    }
    let objects = try String(contentsOfFile: lines, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double])
    }
    #expect(objects.count == 3)
    #expect(objects.map { $0["loss"] } == history.epochs.map(\.loss))
    await #expect(throws: (any Error).self) {
      try await FitTests.model(.float32).fit(
        FitTests.clouds(20), batch: 10, callbacks: [CSVLogger("/nonexistent/log.csv")])
    }
  }

  @Test func anObjectiveOfOnesOwnIsTrainedOn() throws {
    let model = Model(Dense(1, useBias: false, policy: .float32), seed: 1, runtime: .builtinOnly())
    let features = try Tensor([1, 2, 3, 4], shape: [4, 1], dtype: .float32)
    let batch = TrainingBatch(features: features, targets: try features.reshaped([4, 1]))
    var trainer = try Trainer(
      model, features: features.type, targets: features.type, optimizer: .sgd(learningRate: 0.02),
      metrics: [.rootMeanSquaredError]
    ) { output, features, targets in
      // Twice the input is wanted, whatever the targets are.
      let error = try output - (features + targets)
      return try (error * error).mean()
    }
    for _ in 0..<60 { try trainer.train(on: batch) }
    #expect(trainer.iterations == 60)
    #expect(abs(try trainer.weights["kernel"]?.scalar() ?? 0) > 1.99)
    #expect(try trainer.logs.keys.sorted() == ["loss", "root_mean_squared_error"])
    #expect(throws: TrainingError.self) {
      try Trainer(model, features: features.type, targets: features.type) { output, _, _ in output }
    }
  }
}

/// A folder that goes with the value.
final class TemporaryFolder: Sendable {
  private let url = FileManager.default.temporaryDirectory.appending(path: "mezzo-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}
