import Mezzo

/// One training: what is trained, on what, and how.
struct Experiment: Sendable {
  var network: Network
  var train: DataSet
  var test: DataSet
  var epochs: Int
  var batch: Int
  var seed: UInt64
  var optimizer: OptimizerSetting
  var runtime = Runtime.shared
  /// Routes that the step must not differ from.
  var lock: RouteLock?
  /// Where the routes of the step are written to.
  var lockPath: String?

  struct Result: Sendable {
    var model: Model
    var report: TrainingReport
  }

  /// - Parameters:
  ///   - checkpoint: where the training leaves what it can go on from.
  ///   - isResuming: whether it goes on from the last one there, if there is one.
  func run(
    showing bar: ProgressBar?, checkpoint: ModelCheckpoint? = nil, isResuming: Bool = false
  ) async throws -> Result {
    try network.checkSize()
    let model = try network.model(seed: seed, runtime: runtime)
    let steps = (train.count + batch - 1) / batch
    let optimizer = try optimizer.make(steps: epochs * steps)
    if lock != nil || lockPath != nil || !runtime.router.options.pins.isEmpty {
      let explanation = try model.explainTraining(
        features: TensorType(train.features.dtype, [batch] + train.exampleShape),
        targets: TensorType(train.targets.dtype, [batch] + train.targets.shape.dropFirst()),
        optimizer: optimizer)
      try explanation.checkPins()
      if let lockPath { try explanation.lock.write(to: lockPath) }
      for rebuilt in try lock.map({ try explanation.check($0, strict: runtime.router.options.isStrict) }) ?? [] {
        Console.note("\(rebuilt)")
      }
    }
    let curve = LossCurve(epochs: epochs, steps: steps)
    let history = try await model.fit(
      train, validation: test, epochs: epochs, batch: batch, optimizer: optimizer, seed: seed,
      callbacks: ([checkpoint, bar, curve] as [(any TrainingCallback)?]).compactMap { $0 },
      resuming: isResuming ? checkpoint?.last : nil)
    return Result(
      model: model, report: TrainingReport(self, history, curve: curve.points, registry: model.runtime.registry))
  }
}

extension DataSet {
  /// One more than the largest label.
  static func classes(_ sets: DataSet...) -> Int {
    let labels = sets.flatMap { $0.targets.scalars() }
    return labels.reduce(2) { max($0, Int($1) + 1) }
  }
}
