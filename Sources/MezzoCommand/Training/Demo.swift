import Mezzo

/// The network of `mezzo demo`: with it each policy gets well beyond 97 % of the test digits, whatever the seed.
struct Demo: Sendable {
  static let policies: [DTypePolicy] = [.float32, .mixedBFloat16, .mixedFloat16]
  static let epochs = 30
  static let hidden = [1024, 1024]
  static let dropout = 0.4
  static let batch = 64
  static let learningRate = 0.0005
  static let labelWidth = policies.map(\.name.count).max() ?? 0

  static let description =
    "\(hidden.map { "Dense(\($0), relu), Dropout(\(dropout))" }.joined(separator: ", ")), Dense(10); "
    + "Adam at \(learningRate) in steps of \(batch)"

  let train: DataSet
  let test: DataSet
  let epochs: Int
  let seed: UInt64

  init(epochs: Int, seed: UInt64) throws {
    (train, test) = try DataSet.digits()
    self.epochs = epochs
    self.seed = seed
  }

  func experiment(_ policy: DTypePolicy) -> Experiment {
    Experiment(
      network: Network(
        hidden: Self.hidden, dropout: Self.dropout, example: train.exampleShape, classes: 10, policy: policy),
      train: train, test: test, epochs: epochs, batch: Self.batch, seed: seed,
      optimizer: OptimizerSetting(learningRate: Self.learningRate))
  }
}
