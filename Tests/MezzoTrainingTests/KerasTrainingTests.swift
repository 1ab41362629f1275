import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

/// Trainings that Keras 3 began, against where Keras went on to (`Tools/make_keras_trainings.py`).
@Suite struct KerasTrainingTests {
  private func path(_ name: String) throws -> String {
    let file = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources/keras")
    return try #require(file, "\(name) is not among the resources").path
  }

  /// Constraints, regularizers and what the optimizer kept count in every step.
  @Test(
    arguments: [
      "adafactor", "adam", "nadam", "rmsprop", "sgd", "adadelta", "ftrl", "lamb", "average", "muon", "schedule_free",
    ]) func goesOnWhereKerasWas(name: String) async throws
  {
    let saved = try KerasTraining(try path("\(name).keras"), runtime: .builtinOnly())
    #expect(saved.state.iterations == 6)
    let arrays = try NumPyFile.readArchive(try path("\(name).npz"))
    let data = try DataSet(features: #require(arrays["x"]), targets: #require(arrays["y"]))
    var trainer = try Trainer(
      saved.model, features: TensorType(.float32, [8, 4]), targets: TensorType(.float32, [8, 2]),
      loss: .meanSquaredError, optimizer: saved.optimizer)
    try trainer.restore(saved.state)
    for try await batch in data.batches(of: 8) { try trainer.train(on: batch) }
    #expect(trainer.iterations == 9)
    let weights = try trainer.weights
    var moved = 0.0
    for path in arrays.paths where path != "x" && path != "y" {
      let (expected, found) = (try #require(arrays[path]).scalars(), try #require(weights[path]).scalars())
      let before = try #require(try saved.model.variables[path]).scalars()
      for (index, expected) in expected.enumerated() {
        #expect(abs(found[index] - expected) < 2e-4, "\(path) \(index)")
        moved = max(moved, abs(before[index] - expected))
      }
    }
    #expect(moved > 1e-3)
  }

  @Test func fitTakesTheState() async throws {
    let saved = try KerasTraining(try path("adam.keras"), runtime: .builtinOnly())
    let arrays = try NumPyFile.readArchive(try path("adam.npz"))
    let data = try DataSet(features: #require(arrays["x"]), targets: #require(arrays["y"]))
    try await saved.model.fit(
      data.batches(of: 8), optimizer: saved.optimizer, loss: .meanSquaredError, from: saved.state)
    let (found, expected) = (try saved.model.variables, arrays)
    for path in found.paths {
      for (found, expected) in zip(try #require(found[path]).scalars(), try #require(expected[path]).scalars()) {
        #expect(abs(found - expected) < 2e-4)
      }
    }
    // Another optimizer keeps something else.
    await #expect(throws: TrainingError.self) {
      try await saved.model.fit(data, batch: 8, optimizer: .sgd(), loss: .meanSquaredError, from: saved.state)
    }
  }
}
