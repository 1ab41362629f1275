import Mezzo

/// Steps of training on one batch, from the same weights after every reset.
struct TrainingWork: BenchWorkload {
  private let model: Model
  private let batch: TrainingBatch
  private let loss: Loss
  private let optimizer: any Optimizer
  private var trainer: Trainer

  init(_ model: Model, batch: TrainingBatch, loss: Loss, optimizer: any Optimizer) throws {
    self.model = model
    self.batch = batch
    self.loss = loss
    self.optimizer = optimizer
    trainer = try Self.trainer(model, batch, loss, optimizer)
  }

  /// A trainer keeps its changes to itself, so a new one starts from the model's weights.
  mutating func reset() throws { trainer = try Self.trainer(model, batch, loss, optimizer) }

  mutating func iterate() throws -> Double? {
    let outcome = try trainer.train(on: batch)
    return outcome.loss
  }

  var result: Tensor? { nil }

  private static func trainer(
    _ model: Model, _ batch: TrainingBatch, _ loss: Loss, _ optimizer: any Optimizer
  ) throws -> Trainer {
    try Trainer(
      model, features: batch.features.type, targets: batch.targets.type, loss: loss, optimizer: optimizer)
  }
}
