import Mezzo

/// One training: what is trained, on what, and how.
struct Experiment: Sendable {
  var network: Network
  var train: DataSet
  var test: DataSet
  var epochs: Int
  var batch: Int
  var seed: UInt64
  var optimizer: OptimizerName
  var learningRate: Double
  var runtime = Runtime.shared
  /// Routes that the step must not differ from.
  var lock: RouteLock?

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
    let model = network.model(seed: seed, runtime: runtime)
    if let lock {
      let explanation = try model.explainTraining(
        features: TensorType(train.features.dtype, [batch] + train.exampleShape),
        targets: TensorType(train.targets.dtype, [batch] + train.targets.shape.dropFirst()),
        optimizer: optimizer.make(learningRate: learningRate))
      try explanation.check(lock)
    }
    let history = try await model.fit(
      train, validation: test, epochs: epochs, batch: batch, optimizer: optimizer.make(learningRate: learningRate),
      seed: seed, callbacks: ([checkpoint, bar] as [(any TrainingCallback)?]).compactMap { $0 },
      resuming: isResuming ? checkpoint?.last : nil)
    return Result(model: model, report: TrainingReport(self, history, registry: model.runtime.registry))
  }
}

extension DataSet {
  /// One more than the largest label.
  static func classes(_ sets: DataSet...) -> Int {
    let labels = sets.flatMap { $0.targets.scalars() }
    return labels.reduce(2) { max($0, Int($1) + 1) }
  }
}
