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

  func run(showing bar: ProgressBar?) async throws -> Result {
    let model = network.model(seed: seed, runtime: runtime)
    if let lock {
      let explanation = try model.explainTraining(
        features: TensorType(train.features.dtype, [batch] + train.exampleShape),
        targets: TensorType(train.targets.dtype, [batch] + train.targets.shape.dropFirst()),
        optimizer: optimizer.make(learningRate: learningRate))
      for rebuilt in try explanation.check(lock, strict: runtime.router.options.isStrict) {
        Console.note("\(rebuilt)")
      }
    }
    var show: (@Sendable (TrainingProgress) -> Void)?
    if let bar { show = { bar.show($0) } }
    let history = try await model.fit(
      train, validation: test, epochs: epochs, batch: batch, optimizer: optimizer.make(learningRate: learningRate),
      seed: seed, progress: show)
    bar?.finish()
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
