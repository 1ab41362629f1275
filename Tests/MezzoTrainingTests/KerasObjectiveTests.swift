import Foundation
import MezzoBackend
import MezzoCheckpoint
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

/// What Keras models were compiled with.
@Suite struct KerasObjectiveTests {
  private func path(_ name: String) throws -> String {
    let file = Bundle.module.url(forResource: name, withExtension: nil, subdirectory: "Resources/keras")
    return try #require(file, "\(name) is not among the resources").path
  }

  private func objective(_ text: String, _ outputs: [String: [Int]] = ["a": [8, 3]]) throws -> KerasObjective {
    try KerasObjective(
      try JSONReader.parse(Array(text.utf8)),
      outputs: outputs.sorted { $0.key < $1.key }.map {
        KerasSaved.Output(name: $0.key, type: TensorType(.float32, $0.value))
      }, path: "model.keras")
  }

  /// Two outputs, with losses and metrics by their names: the training goes on to where Keras went.
  @Test func aTrainingGoesOnAsItWasCompiled() async throws {
    let saved = try KerasTraining(try path("compiled.keras"), runtime: .builtinOnly())
    let objective = try saved.objective()
    #expect(objective.loss == .sparseCategoricalCrossentropy(fromLogits: true))
    #expect(objective.moreLosses == [.meanSquaredError] && objective.lossWeights == [1, 0.5])
    #expect(objective.metrics == [Metric(.sparseTopKCategoricalAccuracy(k: 2), dtype: .float32)])
    #expect(objective.moreMetrics.map { $0.map(\.name) } == [["mean_absolute_error", "accuracy", "mse"]])
    #expect(objective.moreMetrics[0].map(\.isWeighted) == [false, false, true])
    let arrays = try NumPyFile.readArchive(try path("compiled.npz"))
    let labels = try Tensor((0..<24).map { Double($0 % 3) }, shape: [24], dtype: .int32)
    let data = try DataSet(
      features: #require(arrays["x"]), targets: labels, moreTargets: [try #require(arrays["y"])])
    let history = try await saved.model.fit(
      data.batches(of: 8), optimizer: saved.optimizer, loss: objective.loss, moreLosses: objective.moreLosses,
      lossWeights: objective.lossWeights, metrics: objective.metrics, moreMetrics: objective.moreMetrics,
      from: saved.state)
    let weights = try saved.model.variables
    for path in weights.paths {
      for (found, expected) in zip(try #require(weights[path]).scalars(), try #require(arrays[path]).scalars()) {
        #expect(abs(found - expected) < 2e-4, "\(path)")
      }
    }
    let epoch = try #require(history.epochs.last)
    #expect(epoch.accuracy != nil && epoch.metrics["sparse_top_k_categorical_accuracy"] != nil)
    #expect(epoch.metrics["place_mse"] != nil)
    // The same in one call.
    let again = try KerasTraining(try path("compiled.keras"), runtime: .builtinOnly())
    #expect(try await again.fit(data, epochs: 2, batch: 8).epochs.count == 2)
  }

  @Test func namesAndFunctionsAreRead() throws {
    let function = #"{"module": "builtins", "class_name": "function", "config": "NAME", "registered_name": "function"}"#
    for (name, loss) in [
      ("mse", Loss.meanSquaredError), ("MAE", .meanAbsoluteError), ("mean_squared_error", .meanSquaredError),
      ("kl_divergence", .klDivergence), ("log_cosh", .logCosh), ("ctc", .ctc), ("poisson", .poisson),
      ("Huber", .huber()), ("binary_crossentropy", .binaryCrossentropy()),
      ("sparse_categorical_crossentropy", .sparseCategoricalCrossentropy(fromLogits: false)),
      ("categorical_hinge", .categoricalHinge),
    ] {
      #expect(try objective(#"{"loss": "\#(name)"}"#).loss == loss)
      let written = function.replacingOccurrences(of: "NAME", with: name)
      #expect(try objective(#"{"loss": \#(written), "metrics": null}"#).loss == loss)
    }
  }

  @Test func everyOutputHasItsOwn() throws {
    let two = ["a": [8, 3], "b": [8, 1]]
    let one = try objective(
      #"{"loss": "mse", "loss_weights": [2, null], "metrics": [["mse", "accuracy"], "acc"]}"#, two)
    #expect(one.loss == .meanSquaredError && one.moreLosses == [.meanSquaredError] && one.lossWeights == [2, 1])
    #expect(one.metrics.map(\.kind) == [.loss(.meanSquaredError), .categoricalAccuracy])
    #expect(one.metrics.map(\.name) == ["mse", "accuracy"])
    #expect(one.moreMetrics.map { $0.map(\.kind) } == [[.binaryAccuracy(threshold: 0.5)]])
    let flat = try objective(#"{"loss": ["mse", "mae"], "metrics": ["mse", "mae"]}"#, two)
    #expect(flat.metrics.map(\.name) == ["mse"] && flat.moreMetrics.map { $0.map(\.name) } == [["mae"]])
    let weighted = try objective(#"{"loss": "mse", "metrics": ["mae"], "weighted_metrics": ["mae", "mape"]}"#)
    #expect(weighted.metrics.map(\.name) == ["mae", "weighted_mae", "mape"])
    // A loss of classes gives accuracy by itself.
    #expect(try objective(#"{"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}"#).metrics.isEmpty)
  }

  @Test(arguments: [
    #"{"loss": null}"#, #"{"metrics": ["mse"]}"#, #"{"loss": "frob"}"#, #"{"loss": ["mse", "mse"]}"#,
    #"{"loss": {"b": "mse"}}"#, #"{"loss": "mse", "metrics": ["frob"]}"#, #"{"loss": "mse", "metrics": [7]}"#,
    #"{"loss": "mse", "loss_weights": ["heavy"]}"#, #"{"loss": {"a": null}}"#,
    #"{"loss": {"class_name": "MeanSquaredError", "config": {"reduction": "frob"}}}"#,
    #"{"loss": {"class_name": "Mine", "config": {}}}"#, #"{"loss": {"class_name": 3}}"#, "7", #""mse""#,
  ])
  func whatIsNotKnownIsATypedError(text: String) {
    #expect(throws: TrainingError.self) { try objective(text) }
  }
}
