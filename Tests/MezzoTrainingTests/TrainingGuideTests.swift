import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// The examples of `Docs/Training.md`, which have to stand here word for word, are run.
@Suite struct TrainingGuideTests {
  @Test func thePageHoldsWhatRunsHere() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: root.appending(path: "Docs/Training.md"), encoding: .utf8)
    let source = try Self.trimmed(String(contentsOf: URL(filePath: #filePath), encoding: .utf8))
    let blocks = page.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(blocks.count == 8)
    for block in blocks { #expect(source.contains(Self.trimmed(block)), "\(block)") }
  }

  /// Without the indentation, which is another here.
  private static func trimmed(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.drop { $0 == " " } }
      .joined(separator: "\n")
  }

  private func digits() throws -> (images: DataSet, flat: DataSet) {
    let images = try DataSet.digits().train.subset(0..<160)
    let features = try Tensor(
      images.features.scalars().map { $0 / 16 }, shape: [images.count, 64], dtype: .float32)
    return (images, try DataSet(features: features, targets: images.targets))
  }

  private func model() -> Model {
    Model(seed: 1, runtime: .builtinOnly()) {
      Flatten()
      Dense(16, activation: .relu, policy: .mixedBFloat16)
      Dense(10, policy: .float32)
    }
  }

  @Test func aTrainingOfKeras() async throws {
    let kerasFile = try #require(
      Bundle.module.url(forResource: "adam.keras", withExtension: nil, subdirectory: "Resources/keras")
    ).path
    let data = try DataSet(
      features: Tensor(zeros: TensorType(.float32, [32, 4])), targets: Tensor(zeros: TensorType(.float32, [32, 2])))
    let saved = try KerasTraining(kerasFile)  // a .keras file of a model that was compiled
    try await saved.fit(data, epochs: 2)  // the losses and metrics that it was compiled with
    try await saved.model.fit(data, optimizer: saved.optimizer, loss: .meanSquaredError, from: saved.state)
  }

  @Test func fitAndCheckpoints() async throws {
    let temporary = try TemporaryFolder()
    let (data, model, folder) = (try digits().images, model(), temporary.path("run"))
    do {
      let checkpoint = ModelCheckpoint(folder, monitor: "val_accuracy")
      let history = try await model.fit(
        data, validationSplit: 0.2, epochs: 4, batch: 32, optimizer: .adam(learningRate: 0.01),
        metrics: [.sparseTopKCategoricalAccuracy(k: 1)],
        callbacks: [EarlyStopping(patience: 2, restoreBestWeights: true), checkpoint, ProgressBar()],
        resuming: checkpoint.last)
      for epoch in history.epochs { print(epoch.loss, epoch.validationAccuracy ?? 0) }
      #expect(history.epochs.count > 1)
    }
    do {
      let checkpoint = ModelCheckpoint(temporary.path("other"))
      let task = Task { try await model.fit(data, epochs: 1000, callbacks: [checkpoint], resuming: checkpoint.last) }
      task.cancel()  // ends between two steps, with a checkpoint
      _ = try? await task.value
      try await model.fit(data, epochs: 2, callbacks: [checkpoint], resuming: checkpoint.last)

      let learnt = try TrainingCheckpoint(checkpoint.last)
      try model.setVariables(learnt.weights)
      print(learnt.steps, learnt.epochs.last?.loss ?? 0)
      #expect(learnt.epochs.count >= 2)
    }
  }

  @Test func streams() async throws {
    let (data, model) = (try digits().flat, model())
    @Sendable func readExamples() -> BatchStream { data.batches(of: 1) }
    @Sendable func normalized(_ batch: TrainingBatch) throws -> TrainingBatch { batch }
    let stream = BatchStream { epoch in readExamples() }  // any AsyncSequence of TrainingBatch
      .shuffled(buffer: 100, seed: 7)
      .batched(32)
      .map { batch, epoch, place in try normalized(batch) }
      .prefetched(4)
    try await model.fit(stream, validation: data.batches(of: 256), epochs: 3)
  }

  struct StopWhenPerfect: TrainingCallback {
    mutating func onEpochEnd(_ training: inout TrainingSession) throws {
      if training.logs["val_accuracy"] == 1 { training.stop("nothing is left to learn") }
    }
  }

  @Test func aCallbackOfOnesOwn() async throws {
    let data = try FitTests.clouds(100)
    let history = try await FitTests.model(.float32).fit(
      data, validation: data, epochs: 200, batch: 20, optimizer: .adam(learningRate: 0.02),
      callbacks: [StopWhenPerfect()])
    #expect(history.stopReason == "nothing is left to learn" && history.epochs.count < 200)
  }

  @Test func stepsOfOnesOwn() async throws {
    let (flat, model) = (try digits().flat, model())
    var trainer = try Trainer(
      model, features: TensorType(.float32, [32, 64]), targets: TensorType(.int32, [32]), optimizer: .adam())
    for epoch in 1...2 {
      try trainer.resetLogs()
      for try await batch in flat.batches(of: 32, shuffledBy: 1).epoch(epoch) { try trainer.train(on: batch) }
      print(epoch, try trainer.logs["loss"] ?? 0)
    }
    try trainer.publish()  // the weights become the model's

    var careful = try Trainer(
      model, features: TensorType(.float32, [32, 64]), targets: TensorType(.int32, [32]), optimizer: .sgd()
    ) { output, features, targets in
      let loss = try Loss.sparseCategoricalCrossentropy(output, target: targets)
      return try loss + 0.01 * (output * output).mean()  // no logit grows without reason
    }
    for try await batch in flat.batches(of: 32) { try careful.train(on: batch) }
    #expect(trainer.iterations == 10 && careful.iterations == 5)
  }
}
