public import MezzoLayers

/// What is called in the course of `fit`, in Keras's words. Each is a value of the training's own: what it counts goes with
/// a checkpoint if it is in ``state``.
///
/// ```swift
/// struct Announcer: TrainingCallback {
///   mutating func onEpochEnd(_ training: inout TrainingSession) throws {
///     print("epoch", training.epoch, training.logs["val_loss"] ?? .nan)
///     if training.logs["accuracy"] == 1 { training.stop("there is nothing left to learn") }
///   }
/// }
/// ```
/// They are called in the order in which they were given. What one throws ends the training.
public protocol TrainingCallback: Sendable {
  /// Before the first step, also of a training that goes on from a checkpoint.
  mutating func onTrainBegin(_ training: inout TrainingSession) throws
  mutating func onEpochBegin(_ training: inout TrainingSession) throws
  mutating func onTrainBatchBegin(_ training: inout TrainingSession) throws
  /// After an update, or one that was skipped.
  mutating func onTrainBatchEnd(_ training: inout TrainingSession) throws
  /// After validation.
  mutating func onEpochEnd(_ training: inout TrainingSession) throws
  /// Always the last call; ``TrainingSession/ending`` says how it came to it.
  mutating func onTrainEnd(_ training: inout TrainingSession) throws

  /// What a training that goes on from a checkpoint must know of the one before.
  var state: CallbackState { get set }
}

extension TrainingCallback {
  public mutating func onTrainBegin(_ training: inout TrainingSession) throws {}
  public mutating func onEpochBegin(_ training: inout TrainingSession) throws {}
  public mutating func onTrainBatchBegin(_ training: inout TrainingSession) throws {}
  public mutating func onTrainBatchEnd(_ training: inout TrainingSession) throws {}
  public mutating func onEpochEnd(_ training: inout TrainingSession) throws {}
  public mutating func onTrainEnd(_ training: inout TrainingSession) throws {}

  public var state: CallbackState {
    get { CallbackState() }
    set {}
  }
}

/// What a callback has in a checkpoint.
public struct CallbackState: Sendable {
  /// Kept exactly.
  public var values: [String: Double]
  public var weights: Variables?

  public init(_ values: [String: Double] = [:], weights: Variables? = nil) {
    self.values = values
    self.weights = weights
  }
}

/// A measure of ``TrainingSession/logs``, and in which direction it gets better.
public struct Monitor: Sendable, Hashable {
  public enum Mode: String, Sendable, Hashable {
    /// Smaller is better.
    case min
    /// Larger is better.
    case max
    /// `max` for accuracies and areas under curves, else `min`, as in Keras.
    case automatic
  }

  public let name: String
  public let isLargerBetter: Bool
  /// Less than this is no improvement.
  public let minDelta: Double

  public init(_ name: String, mode: Mode = .automatic, minDelta: Double = 0) {
    self.name = name
    self.minDelta = minDelta.magnitude
    isLargerBetter =
      switch mode {
      case .min: false
      case .max: true
      case .automatic: name.contains("acc") || name.hasSuffix("auc") || name.hasSuffix("AUC")
      }
  }

  var worst: Double { isLargerBetter ? -.infinity : .infinity }

  func isBetter(_ value: Double, than best: Double) -> Bool {
    isLargerBetter ? value > best + minDelta : value < best - minDelta
  }

  /// - Throws: `TrainingError.unknownMonitor` where the training does not measure it.
  func value(_ training: TrainingSession) throws(TrainingError) -> Double {
    guard let value = training.logs[name] else {
      throw .unknownMonitor(name: name, known: training.logs.keys.sorted())
    }
    return value
  }
}
