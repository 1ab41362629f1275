import MezzoFiles
import MezzoCheckpoint

/// Keeps checkpoints in a folder: the last one, the best one, and if wanted one of every so many epochs.
///
/// ```swift
/// let checkpoint = ModelCheckpoint("runs/1", monitor: "val_accuracy")
/// try await model.fit(train, validation: test, epochs: 50, callbacks: [checkpoint], resuming: checkpoint.last)
/// ```
/// Each is a single file that is whole at every moment. A training that is cancelled leaves the last one behind.
public struct ModelCheckpoint: TrainingCallback {
  public let folder: String
  public let everySteps: Int?
  public let keepingEvery: Int?
  public let monitor: Monitor?
  private var best: Double

  /// - Parameters:
  ///   - folder: made where it is not there.
  ///   - everySteps: updates between two writes of the last checkpoint within an epoch; it is written at the end of each
  ///     epoch in any case.
  ///   - keepingEvery: epochs of which one is kept for good, as `epoch-12.safetensors`.
  ///   - monitor: by this measure the best checkpoint is chosen; `nil` keeps none.
  public init(
    _ folder: String, everySteps: Int? = nil, keepingEvery: Int? = nil, monitor: String? = nil,
    mode: Monitor.Mode = .automatic
  ) {
    self.folder = folder
    self.everySteps = everySteps
    self.keepingEvery = keepingEvery
    self.monitor = monitor.map { Monitor($0, mode: mode) }
    best = self.monitor?.worst ?? 0
  }

  /// The file of the last checkpoint.
  public var last: String { "\(folder)/last.safetensors" }
  /// The file of the best one.
  public var bestPath: String { "\(folder)/best.safetensors" }

  public mutating func onTrainBegin(_ training: inout TrainingSession) throws {
    for every in [everySteps, keepingEvery].compactMap({ $0 }) where every < 1 {
      throw TrainingError.invalidOption(
        name: "the distance of checkpoints", expected: "at least 1", found: "\(every)")
    }
    try CheckpointFile.makeFolder(folder)
    for path in [last, bestPath] { AtomicFile.removeLeftovers(of: path) }
  }

  public mutating func onTrainBatchEnd(_ training: inout TrainingSession) throws {
    if let everySteps, training.step % everySteps == 0 { training.saveCheckpoint(to: last) }
  }

  public mutating func onEpochEnd(_ training: inout TrainingSession) throws {
    if let keepingEvery, training.epoch % keepingEvery == 0 {
      training.saveCheckpoint(to: "\(folder)/epoch-\(training.epoch).safetensors")
    }
    if let monitor {
      let value = try monitor.value(training)
      if monitor.isBetter(value, than: best) {
        best = value
        training.saveCheckpoint(to: bestPath)
      }
    }
    // Behind the others: it knows of them, so that one killed between two writes makes them again.
    training.saveCheckpoint(to: last)
  }

  public mutating func onTrainEnd(_ training: inout TrainingSession) throws {
    switch training.ending {
    case .cancelled, .stopped: training.saveCheckpoint(to: last)
    default: break
    }
  }

  public var state: CallbackState {
    get { CallbackState(["best": best]) }
    set { best = newValue.values["best"] ?? best }
  }
}
