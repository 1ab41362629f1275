public import MezzoPolicy
public import MezzoRuntime

/// What a training did.
public struct History: Sendable {
  public internal(set) var epochs: [Epoch] = []
  /// Epochs before the first of ``epochs``: a checkpoint keeps the last 1,024 alone.
  public internal(set) var omittedEpochs = 0
  /// All epochs that are over.
  public var epochCount: Int { omittedEpochs + epochs.count }
  public internal(set) var lossScaleEvents: [LossScaleEvent] = []
  /// Where the loss scale got stuck, and where it came loose again.
  public internal(set) var lossScaleHealthEvents: [LossScaleHealthEvent] = []
  /// What became of the steps; `nil` where the loss was not scaled.
  public internal(set) var lossScaleSummary: LossScaleHealth.Summary?
  public internal(set) var skippedSteps = 0
  /// The scale after the last step; `nil` where the loss was not scaled.
  public internal(set) var lossScale: LossScale?
  /// The median over the last 1,024 steps at most, without the first three of more than six, of forward, backward and
  /// update.
  public internal(set) var stepMilliseconds = 0.0
  /// Bytes of the variables as they are stored.
  public internal(set) var weightBytes = 0
  public internal(set) var explanation: Explanation
  /// Why a callback ended the training before its last epoch; `nil` if none did.
  public internal(set) var stopReason: String?

  public struct Epoch: Sendable, Codable {
    public var loss: Double
    public var accuracy: Double?
    public var validationLoss: Double?
    public var validationAccuracy: Double?
    /// Of the training data, by the names of the metrics that were asked for.
    public var metrics: [String: Double] = [:]
    public var validationMetrics: [String: Double] = [:]
    /// At the end of the epoch.
    public var learningRate = 0.0
    public var seconds: Double

    /// All measures under Keras's names: `loss`, `accuracy`, the metrics, `learning_rate`, and with `val_` before them those
    /// of the validation data.
    public var logs: [String: Double] {
      var logs = metrics
      logs["loss"] = loss
      if let accuracy { logs["accuracy"] = accuracy }
      logs["learning_rate"] = learningRate
      for (name, value) in validationMetrics { logs["val_\(name)"] = value }
      if let validationLoss { logs["val_loss"] = validationLoss }
      if let validationAccuracy { logs["val_accuracy"] = validationAccuracy }
      return logs
    }
  }

  /// A step at which the loss scale was found to be stuck, or to be so no longer.
  public struct LossScaleHealthEvent: Sendable, Hashable, Codable, CustomStringConvertible {
    public var step: Int
    public var event: LossScaleHealth.Event

    public var description: String { "step \(step): \(event)" }
  }

  /// A step at which the loss scale changed, or the update was left out.
  public struct LossScaleEvent: Sendable, Hashable, Codable, CustomStringConvertible {
    public var step: Int
    public var change: LossScale.Event
    public var scale: Float
    /// For a skipped step, where the first infinity or NaN came from.
    public var firstNonFinite: NonFiniteReport?

    public var description: String {
      let what =
        switch change {
        case .unchanged: "loss scale \(Self.power(scale))"
        case .grew(let from, let to): "loss scale grew from \(Self.power(from)) to \(Self.power(to))"
        case .growthDropped(let at): "loss scale stays at \(Self.power(at)): it can grow no further"
        case .shrank(let from, let to): "skipped, loss scale fell from \(Self.power(from)) to \(Self.power(to))"
        case .roseToFloor(let from, let to):
          "skipped, loss scale rose from \(Self.power(from)) to its floor \(Self.power(to))"
        case .skipped(let at): "skipped, loss scale stays at \(Self.power(at))"
        }
      return "step \(step): \(what)" + (firstNonFinite.map { "; first non-finite value: \($0)" } ?? "")
    }

    /// Scales are powers of two but for a user's own.
    private static func power(_ scale: Float) -> String {
      scale >= 2 && scale.isFinite && scale.significand == 1 ? "2^\(scale.exponent)" : "\(scale)"
    }
  }
}

/// How far a training is, for progress bars.
public struct TrainingProgress: Sendable {
  public var epoch: Int
  public var epochs: Int
  /// Steps of this epoch that are done.
  public var step: Int
  /// Of an epoch; `nil` for a stream that does not say how long it is.
  public var steps: Int?
  /// Means over this epoch so far.
  public var loss: Double
  public var accuracy: Double?
  public var skippedSteps: Int
  public var lossScale: Float?
}
