/// Sets the learning rate at the beginning of each epoch. For one that moves with every step see ``Scheduled``.
public struct LearningRateScheduler: TrainingCallback {
  private let rate: @Sendable (_ epoch: Int, _ rate: Double) -> Double

  /// - Parameter rate: of an epoch, from 1, and of the rate so far.
  public init(_ rate: @escaping @Sendable (_ epoch: Int, _ rate: Double) -> Double) { self.rate = rate }

  public mutating func onEpochBegin(_ training: inout TrainingSession) throws {
    let rate = rate(training.epoch, training.learningRate)
    guard rate >= 0, Float(rate).isFinite else {
      throw TrainingError.invalidOption(
        name: "the learning rate of epoch \(training.epoch)", expected: "at least 0 and finite in float32",
        found: "\(rate)")
    }
    training.learningRate = rate
  }
}

/// Lowers the learning rate when a training gets no better.
public struct ReduceLearningRateOnPlateau: TrainingCallback {
  public let monitor: Monitor
  public let factor: Double
  public let patience: Int
  public let cooldown: Int
  public let minRate: Double
  private var best: Double
  private var waited = 0
  private var cooling = 0

  /// - Parameters:
  ///   - factor: what the rate is multiplied by, above 0 and below 1.
  ///   - patience: epochs without improvement after which it is lowered.
  ///   - cooldown: epochs after that which are not looked at.
  ///   - minRate: it is never lower.
  public init(
    monitor: String = "val_loss", factor: Double = 0.1, patience: Int = 10, mode: Monitor.Mode = .automatic,
    minDelta: Double = 1e-4, cooldown: Int = 0, minRate: Double = 0
  ) {
    self.monitor = Monitor(monitor, mode: mode, minDelta: minDelta)
    self.factor = factor
    self.patience = patience
    self.cooldown = cooldown
    self.minRate = minRate
    best = self.monitor.worst
  }

  public mutating func onTrainBegin(_ training: inout TrainingSession) throws {
    guard factor > 0, factor < 1 else {
      throw TrainingError.invalidOption(
        name: "the factor of a lower learning rate", expected: "above 0 and below 1", found: "\(factor)")
    }
  }

  public mutating func onEpochEnd(_ training: inout TrainingSession) throws {
    let value = try monitor.value(training)
    if cooling > 0 {
      cooling -= 1
      waited = 0
    }
    if monitor.isBetter(value, than: best) {
      best = value
      waited = 0
    } else if cooling == 0 {
      waited += 1
      guard waited >= patience, training.learningRate > minRate else { return }
      training.learningRate = max(training.learningRate * factor, minRate)
      cooling = cooldown
      waited = 0
    }
  }

  public var state: CallbackState {
    get { CallbackState(["best": best, "waited": Double(waited), "cooling": Double(cooling)]) }
    set {
      best = newValue.values["best"] ?? monitor.worst
      waited = newValue.values["waited"].flatMap { Int(exactly: $0) } ?? 0
      cooling = newValue.values["cooling"].flatMap { Int(exactly: $0) } ?? 0
    }
  }
}
