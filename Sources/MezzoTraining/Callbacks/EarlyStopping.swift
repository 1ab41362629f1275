import MezzoLayers

/// Ends a training that gets no better.
public struct EarlyStopping: TrainingCallback {
  public let monitor: Monitor
  public let patience: Int
  public let baseline: Double?
  public let restoreBestWeights: Bool
  public let startFromEpoch: Int
  private var best: Double
  private var bestEpoch = 0
  private var waited = 0
  private var bestWeights: Variables?

  /// - Parameters:
  ///   - patience: epochs without improvement after which it ends.
  ///   - minDelta: what is less counts as no improvement.
  ///   - baseline: an improvement that does not reach it does not count.
  ///   - restoreBestWeights: whether the model gets the weights of its best epoch at the end.
  ///   - startFromEpoch: epochs before this one, from 1, are not looked at.
  public init(
    monitor: String = "val_loss", patience: Int = 0, minDelta: Double = 0, mode: Monitor.Mode = .automatic,
    baseline: Double? = nil, restoreBestWeights: Bool = false, startFromEpoch: Int = 1
  ) {
    self.monitor = Monitor(monitor, mode: mode, minDelta: minDelta)
    self.patience = patience
    self.baseline = baseline
    self.restoreBestWeights = restoreBestWeights
    self.startFromEpoch = startFromEpoch
    best = self.monitor.worst
  }

  public mutating func onEpochEnd(_ training: inout TrainingSession) throws {
    let value = try monitor.value(training)
    if training.epoch < startFromEpoch { return }
    if restoreBestWeights, bestWeights == nil { try keep(training) }
    waited += 1
    if monitor.isBetter(value, than: best) {
      best = value
      try keep(training)
      if baseline.map({ monitor.isBetter(value, than: $0) }) ?? true { waited = 0 }
    } else if waited >= patience, training.epoch > 1 {
      training.stop("\(monitor.name) has not got better than \(best) for \(waited) epochs")
    }
  }

  public mutating func onTrainEnd(_ training: inout TrainingSession) throws {
    switch training.ending {
    case .finished, .stopped: if let bestWeights { try training.model.setVariables(bestWeights) }
    default: break
    }
  }

  private mutating func keep(_ training: TrainingSession) throws {
    bestEpoch = training.epoch
    if restoreBestWeights { bestWeights = try training.weights }
  }

  public var state: CallbackState {
    get {
      CallbackState(
        ["best": best, "best_epoch": Double(bestEpoch), "waited": Double(waited)], weights: bestWeights)
    }
    set {
      best = newValue.values["best"] ?? monitor.worst
      bestEpoch = newValue.values["best_epoch"].flatMap { Int(exactly: $0) } ?? 0
      waited = newValue.values["waited"].flatMap { Int(exactly: $0) } ?? 0
      bestWeights = newValue.weights
    }
  }
}
