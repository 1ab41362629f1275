import Mezzo

/// What `--json` prints of one training, and what the tables are made of.
struct TrainingReport: Encodable, Sendable {
  var policy: String
  var seed: UInt64
  var model: Network.Kind
  /// Units of the hidden layers of a dense model.
  var layers: [Int]
  var optimizer: OptimizerName
  var learningRate: Double
  var schedule: ScheduleName
  var batch: Int
  var examples: Int
  var epochs: [Epoch]
  var lossCurve: [LossCurve.Point]
  var testAccuracy: OrNull<Double>
  var testLoss: OrNull<Double>
  /// The median, of batch, forward, backward and update.
  var stepMilliseconds: Double
  var skippedSteps: Int
  /// The scale after the last step; `null` where the loss was not scaled.
  var lossScale: OrNull<Float>
  var lossScaleEvents: [ScaleEvent]
  /// Where the scale got stuck, and where it came loose again.
  var lossScaleHealth: [HealthEvent]
  /// `null` where the loss was not scaled.
  var lossScaleSummary: OrNull<ScaleSummary>
  var memory: MemorySummary
  /// As stored.
  var weightBytes: Int
  var backends: [BackendReport]
  var routes: [RouteReport]

  struct Epoch: Encodable, Sendable {
    var epoch: Int
    var loss: OrNull<Double>
    var accuracy: OrNull<Double>
    var testLoss: OrNull<Double>
    var testAccuracy: OrNull<Double>
    var seconds: Double
  }

  struct ScaleEvent: Encodable, Sendable {
    var step: Int
    var scale: Float
    /// Where the first infinity or NaN of a skipped step came from.
    var layer: OrNull<String>
    var operation: OrNull<String>
    /// All that is known of it; `null` for a step that was applied.
    var firstNonFinite: OrNull<NonFiniteReport>
    var text: String
  }

  struct HealthEvent: Encodable, Sendable {
    var step: Int
    var event: LossScaleHealth.Event
    var isWarning: Bool
    var text: String
  }

  struct ScaleSummary: Encodable, Sendable {
    var steps: Int
    var skips: Int
    var skippedShare: Double
    var longestRun: Int
    var smallestScale: OrNull<Float>
    var largestScale: OrNull<Float>
  }

  init(_ experiment: Experiment, _ history: History, curve: [LossCurve.Point], registry: BackendRegistry) {
    policy = experiment.network.policy.name
    seed = experiment.seed
    model = experiment.network.kind
    layers = experiment.network.hidden
    optimizer = experiment.optimizer.name
    learningRate = experiment.optimizer.learningRate
    schedule = experiment.optimizer.schedule
    lossCurve = curve
    batch = experiment.batch
    examples = experiment.train.count
    epochs = history.epochs.enumerated().map { index, epoch in
      Epoch(
        epoch: history.omittedEpochs + index + 1, loss: OrNull(finite: epoch.loss),
        accuracy: OrNull(finite: epoch.accuracy),
        testLoss: OrNull(finite: epoch.validationLoss), testAccuracy: OrNull(finite: epoch.validationAccuracy),
        seconds: epoch.seconds)
    }
    testAccuracy = epochs.last?.testAccuracy ?? OrNull(nil)
    testLoss = epochs.last?.testLoss ?? OrNull(nil)
    stepMilliseconds = history.stepMilliseconds
    skippedSteps = history.skippedSteps
    lossScale = OrNull(history.lossScale?.value)
    lossScaleEvents = history.lossScaleEvents.map { event in
      ScaleEvent(
        step: event.step, scale: event.scale, layer: OrNull(event.firstNonFinite?.layer),
        operation: OrNull(event.firstNonFinite?.operation), firstNonFinite: OrNull(event.firstNonFinite),
        text: "\(event)")
    }
    lossScaleHealth = history.lossScaleHealthEvents.map {
      HealthEvent(step: $0.step, event: $0.event, isWarning: $0.event.isWarning, text: "\($0)")
    }
    lossScaleSummary = OrNull(
      history.lossScaleSummary.map { summary in
        ScaleSummary(
          steps: summary.steps, skips: summary.skips, skippedShare: summary.skippedShare,
          longestRun: summary.longestRun, smallestScale: OrNull(summary.smallestScale),
          largestScale: OrNull(summary.largestScale))
      })
    memory = history.explanation.memory
    weightBytes = history.weightBytes
    backends = registry.entries.map(BackendReport.init)
    routes = history.explanation.distinct.map { RouteReport($0.record, count: $0.count) }
  }
}
