public import MezzoLayers
import MezzoPolicy

/// A training that is under way, as callbacks see it.
public struct TrainingSession {
  public let model: Model
  public let epochs: Int
  /// Updates of an epoch; `nil` for a stream that does not say how long it is.
  public let steps: Int?
  /// From 1; 0 before the first.
  public internal(set) var epoch = 0
  /// Updates of this epoch so far.
  public internal(set) var step = 0
  /// While an epoch runs, means over its examples so far: `loss`, `accuracy` where there is one, and the metrics; at its end
  /// also `learning_rate`, and with `val_` before them the measures of the validation data.
  public internal(set) var logs: [String: Double] = [:]
  /// What was so far, without the epoch that runs.
  public internal(set) var history: History
  /// Whether it goes on from a checkpoint.
  public let isResumed: Bool
  /// How it ended; `nil` before ``TrainingCallback/onTrainEnd(_:)``.
  public internal(set) var ending: Ending?
  /// Why it is to end.
  public private(set) var stopReason: String?
  var trainer: Trainer
  /// Checkpoints that callbacks asked for.
  var requests: [String] = []

  public enum Ending: Sendable {
    case finished
    /// A callback stopped it.
    case stopped(reason: String)
    case cancelled
    case failed(any Error)
  }

  init(_ trainer: Trainer, epochs: Int, steps: Int?, history: History, isResumed: Bool) {
    self.trainer = trainer
    self.epochs = epochs
    self.steps = steps
    self.history = history
    self.isResumed = isResumed
    model = trainer.model
    stopReason = history.stopReason
  }

  /// Of the next update. Setting it ends what a schedule of the optimizer says.
  public var learningRate: Double {
    get { trainer.learningRate }
    set { trainer.learningRate = newValue }
  }

  /// Updates so far, over all epochs, that were applied.
  public var iterations: Int { trainer.iterations }
  public var skippedSteps: Int { trainer.skipped }
  /// `nil` where the loss is not scaled.
  public var lossScale: Float? { trainer.lossScale?.value }

  /// The weights so far, as the model gets them at the end of the epoch.
  public var weights: Variables { get throws { try trainer.weights } }

  /// Ends the training after this step, or this epoch where an epoch has ended.
  public mutating func stop(_ reason: String) { if stopReason == nil { stopReason = reason } }

  /// Writes a checkpoint of the whole training to `path` when all callbacks are through, so that it has what became of
  /// them too.
  public mutating func saveCheckpoint(to path: String) { if !requests.contains(path) { requests.append(path) } }

  var progress: TrainingProgress {
    let means = trainer.measures.means
    return TrainingProgress(
      epoch: epoch, epochs: epochs, step: step, steps: steps, loss: means.loss, accuracy: means.accuracy,
      skippedSteps: skippedSteps, lossScale: lossScale)
  }
}
