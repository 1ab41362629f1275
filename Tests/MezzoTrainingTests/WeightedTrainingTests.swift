import Foundation
import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import Testing

@testable import MezzoTraining

/// What examples, steps and outputs count in losses and metrics.
@Suite struct WeightedTrainingTests {
  private let runtime = Runtime.builtinOnly()

  private func value(_ loss: Loss, _ tensors: [Tensor], weighted: Bool = false, masked: Bool = true) throws -> [Double]
  {
    try runtime.evaluate(tensors) { t in
      let mask = masked ? t[t.count - 1] : nil
      return [try loss(t[0], target: t[1], sampleWeight: weighted ? t[2] : nil, mask: mask)]
    }[0].scalars()
  }

  /// Keras 3: the sum over what the mask leaves, over its number.
  @Test func masksAverageOverWhatTheyLeave() throws {
    let output = try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3, 1], dtype: .float32)
    let target = try Tensor(zeros: TensorType(.float32, [2, 3, 1]))
    let mask = try Tensor([1, 0, 1, 0, 0, 1], shape: [2, 3], dtype: .bool)
    let weights = try Tensor([2, 0.5], shape: [2], dtype: .float32)
    #expect(try value(.meanSquaredError, [output, target, mask])[0].isClose(to: (1.0 + 9 + 36) / 3))
    #expect(try value(.meanSquaredError, [output, target, weights, mask], weighted: true)[0].isClose(to: 38.0 / 3))
    #expect(try value(Loss(.meanSquaredError, reduction: .sum), [output, target, mask])[0].isClose(to: 46))
    let each = try value(Loss(.meanSquaredError, reduction: .none), [output, target, mask])
    #expect(each == [1, 0, 9, 0, 0, 36])
    let mean = try value(Loss(.meanSquaredError, reduction: .meanWithSampleWeight), [output, target, mask])
    #expect(mean[0].isClose(to: 46.0 / 3))
    // One that hides all is no division by 0.
    let none = try Tensor(zeros: TensorType(.bool, [2, 3]))
    #expect(try value(.meanSquaredError, [output, target, none]) == [0])
    // A mask of the elements themselves.
    let flat = try output.reshaped([2, 3])
    #expect(try value(.meanSquaredError, [flat, target.reshaped([2, 3]), mask])[0].isClose(to: 46.0 / 3))
    // What overlaps leaves places out on both sides.
    let p = try Tensor([1, 1, 0, 1], shape: [1, 4, 1], dtype: .float32)
    let t = try Tensor([1, 0, 0, 1], shape: [1, 4, 1], dtype: .float32)
    let seen = try Tensor([1, 0, 1, 1], shape: [1, 4], dtype: .bool)
    #expect(abs(try value(.dice(), [p, t, seen])[0]) < 1e-6)
    #expect(throws: GraphError.self) {
      _ = try value(.meanSquaredError, [output, target, Tensor(zeros: TensorType(.bool, [2, 2]))])
    }
  }

  /// Sequences of different lengths, padded with 0.
  private func sequences() throws -> (ids: Tensor, labels: Tensor) {
    (
      try Tensor([1, 2, 3, 0, 2, 0, 0, 0, 3, 1, 2, 1], shape: [3, 4], dtype: .float32),
      try Tensor([0, 1, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0], shape: [3, 4], dtype: .int32)
    )
  }

  private func tagger(_ kind: String, masked: Bool = true) throws -> Model {
    let words = Embedding(inputDim: 4, outputDim: 3, maskZero: masked, name: "words", policy: .float32)
    let tags = Dense(2, name: "tags", policy: .float32)
    switch kind {
    case "sequential": return Model(Sequential([words, tags], policy: .float32), seed: 2, runtime: runtime)
    case "functional":
      let x = LayerOutput.input("x")
      return Model(try Functional(inputs: [x], outputs: tags(words(x)), policy: .float32), seed: 2, runtime: runtime)
    default: return Model(Tagger(words: words, tags: tags), seed: 2, runtime: runtime)
    }
  }

  private struct Tagger: Layer {
    var words: Embedding
    var tags: Dense
    var policy = DTypePolicy.float32

    func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
      try context.call(tags, context.call(words, input, name: "words"), name: "tags")
    }
  }

  @Test(arguments: ["sequential", "functional", "own"]) func masksOfModelsReachLossesAndMetrics(kind: String)
    async throws
  {
    let (ids, labels) = try sequences()
    let data = try DataSet(features: ids, targets: labels)
    let model = try tagger(kind)
    let result = try model.evaluate(data, metrics: [.sparseCategoricalAccuracy], batch: 2)
    let logits = try model(ids)
    let places = ids.scalars().indices.filter { ids.scalars()[$0] != 0 }
    var losses: [Double] = []
    var hits = 0.0
    for place in places {
      let row = Array(logits.scalars()[2 * place..<2 * place + 2])
      let label = Int(labels.scalars()[place])
      losses.append(log(exp(row[0]) + exp(row[1])) - row[label])
      hits += (row[1] > row[0] ? 1 : 0) == label ? 1 : 0
    }
    // Each batch is a mean over its places, and batches count by their examples, as in Keras.
    let expected = (losses[..<4].reduce(0, +) / 4 * 2 + losses[4...].reduce(0, +) / 4) / 3
    #expect(result.loss.isClose(to: expected))
    #expect(result.accuracy?.isClose(to: hits / 8) == true)
    #expect(result.metrics["sparse_categorical_accuracy"]?.isClose(to: hits / 8) == true)
    // What is masked moves nothing: other labels there give the same weights.
    let (other, same) = (try tagger(kind), try tagger(kind))
    let changed = try Tensor([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0], shape: [3, 4], dtype: .int32)
    for (model, labels) in [(other, changed), (same, labels)] {
      let history = try await model.fit(
        DataSet(features: ids, targets: labels), epochs: 3, batch: 3, metrics: [.sparseCategoricalAccuracy])
      let last = try #require(history.epochs.last)
      #expect(last.accuracy == last.metrics["sparse_categorical_accuracy"])
    }
    #expect(try other.variables == same.variables)
    let blind = try tagger(kind, masked: false)
    try await blind.fit(DataSet(features: ids, targets: changed), epochs: 3, batch: 3)
    #expect(try blind.variables != other.variables)
  }

  /// Twice the weight is the example twice.
  @Test(arguments: [1, 2]) func sampleWeightsAreRepetitions(accumulating: Int) async throws {
    let clouds = try FitTests.clouds(8)
    let heavy = try DataSet(
      features: clouds.features, targets: clouds.targets,
      sampleWeights: [Tensor([2, 0, 1, 1, 0, 2, 1, 1], shape: [8], dtype: .float32)])
    let repeated = try clouds.subset([0, 0, 2, 3, 5, 5, 6, 7])
    func trained(_ data: DataSet) async throws -> Model {
      let model = withPolicy(.float32) { Model(seed: 4, runtime: runtime) { Dense(2) } }
      try await model.fit(
        data.batches(of: 8 / accumulating), epochs: 4, accumulating: accumulating, optimizer: .sgd(learningRate: 0.5))
      return model
    }
    let (weighted, plain) = (try await trained(heavy), try await trained(repeated))
    for path in try plain.variables.paths {
      for (a, b) in zip(try #require(weighted.variables[path]).scalars(), try #require(plain.variables[path]).scalars())
      { #expect(abs(a - b) < 1e-5) }
    }
    let result = try weighted.evaluate(
      heavy, metrics: [.sparseCategoricalAccuracy, .sparseCategoricalAccuracy.weighted()])
    #expect(result.metrics["weighted_sparse_categorical_accuracy"] == (try plain.evaluate(repeated)).accuracy)
    #expect(result.metrics["sparse_categorical_accuracy"] == (try weighted.evaluate(clouds)).accuracy)
  }

  @Test func classWeightsAreSampleWeights() async throws {
    let clouds = try FitTests.clouds(12)
    let weights = clouds.targets.scalars().map { $0 == 1 ? 3.0 : 1 }
    let weighted = try clouds.weighted(byClass: [1: 3])
    #expect(weighted.sampleWeights.map { $0.scalars() } == [weights])
    let columns = try DataSet(
      features: clouds.features,
      targets: Tensor(clouds.targets.scalars().flatMap { [1 - $0, $0] }, shape: [12, 2], dtype: .float32))
    #expect(try columns.weighted(byClass: [1: 3]).sampleWeights.map { $0.scalars() } == [weights])
    func trained(_ data: BatchStream, _ classWeight: [Int: Double]?) async throws -> Variables {
      let model = withPolicy(.float32) { Model(seed: 4, runtime: runtime) { Dense(2) } }
      try await model.fit(data, epochs: 2, classWeight: classWeight)
      return try model.variables
    }
    let byClass = try await trained(clouds.batches(of: 5), [1: 3])
    #expect(try await trained(weighted.batches(of: 5), nil) == byClass)
    #expect(try await trained(clouds.batches(of: 5), nil) != byClass)
    #expect(throws: TrainingError.self) { try weighted.weighted(byClass: [0: 1]) }
    #expect(throws: TrainingError.self) { try clouds.weighted(byClass: [0: .nan]) }
    await #expect(throws: TrainingError.self) { _ = try await trained(weighted.batches(of: 5), [0: 2]) }
  }

  @Test func weightsThatDoNotFitAreRefused() async throws {
    let clouds = try FitTests.clouds(8)
    func data(_ weights: Tensor) throws -> DataSet {
      try DataSet(features: clouds.features, targets: clouds.targets, sampleWeights: [weights])
    }
    #expect(throws: TrainingError.self) { try data(Tensor([1, 2], shape: [2], dtype: .float32)) }
    #expect(throws: TrainingError.self) { try data(Tensor(zeros: TensorType(.int32, [8]))) }
    #expect(throws: TrainingError.self) {
      try data(Tensor(Array(repeating: .infinity, count: 8), shape: [8], dtype: .float32))
    }
    let wide = try data(Tensor(zeros: TensorType(.float32, [8, 3])))
    let model = withPolicy(.float32) { Model(seed: 4, runtime: runtime) { Dense(2) } }
    await #expect(throws: GraphError.self) { try await model.fit(wide, batch: 4) }
  }

  /// Two outputs: every loss, accuracy and metric has its output's name.
  @Test func everyOutputIsMeasured() async throws {
    let x = LayerOutput.input("x")
    let hidden = Dense(4, activation: .tanh, policy: .float32)(x)
    let graph = try Functional(
      inputs: [x],
      outputs: .array([
        .tensor(Dense(2, name: "kind", policy: .float32)(hidden)),
        .tensor(Dense(1, name: "size", policy: .float32)(hidden)),
      ]), policy: .float32)
    #expect(graph.outputNames == ["kind", "size"])
    let clouds = try FitTests.clouds(10)
    let data = try DataSet(
      features: clouds.features, targets: clouds.targets,
      moreTargets: [Tensor((0..<10).map(Double.init), shape: [10, 1], dtype: .float32)])
    let model = Model(graph, seed: 1, runtime: runtime)
    let history = try await model.fit(
      data, validation: data, epochs: 2, batch: 4, moreLosses: [.meanSquaredError], lossWeights: [0.25, 2],
      metrics: [.sparseTopKCategoricalAccuracy(k: 1)], moreMetrics: [[.loss(.meanAbsoluteError)]])
    let logs = try #require(history.epochs.last).logs
    for name in ["kind_loss", "size_loss", "kind_accuracy", "size_mean_absolute_error"] {
      #expect(logs[name] != nil && logs["val_\(name)"] != nil, "\(name)")
    }
    #expect(logs["accuracy"] == logs["kind_accuracy"])
    let result = try model.evaluate(data, moreLosses: [.meanSquaredError], lossWeights: [0.25, 2])
    let (kind, size) = (try #require(result.metrics["kind_loss"]), try #require(result.metrics["size_loss"]))
    #expect(result.loss.isClose(to: 0.25 * kind + 2 * size))
    #expect(kind.isClose(to: try model.evaluate(data, moreLosses: [.meanSquaredError], lossWeights: [1, 0]).loss))
    await #expect(throws: TrainingError.self) {
      try await model.fit(data, batch: 4, moreLosses: [.meanSquaredError], lossWeights: [1])
    }
    await #expect(throws: TrainingError.self) {
      try await model.fit(data, batch: 4, moreLosses: [.meanSquaredError], moreMetrics: [[], [.cosineSimilarity]])
    }
    // A weight for each output.
    let weighted = try DataSet(
      features: data.features, targets: data.targets, moreTargets: data.moreTargets,
      sampleWeights: [
        Tensor(zeros: TensorType(.float32, [10])), Tensor(Array(repeating: 2, count: 10), shape: [10], dtype: .float32),
      ])
    let only = try model.evaluate(weighted, moreLosses: [.meanSquaredError])
    #expect(only.loss.isClose(to: 2 * size))
  }

  /// A checkpoint of a weighted training, and one that knows nothing of weights.
  @Test func typesAndMeansOfOlderCheckpointsAreRead() throws {
    let encoded = try JSONEncoder().encode(
      BatchStream.Types(features: TensorType(.float32, [2]), targets: TensorType(.int32, [2])))
    var members = try #require(try JSONSerialization.jsonObject(with: encoded) as? [String: Any])
    members["sampleWeights"] = nil
    let older = try JSONSerialization.data(withJSONObject: members)
    #expect(try JSONDecoder().decode(BatchStream.Types.self, from: older).features == TensorType(.float32, [2]))
    let means = #"{"lossSum": 6, "accuracySum": 3, "weight": 4, "hasAccuracy": true}"#
    let old = try JSONDecoder().decode(Means.self, from: Data(means.utf8))
    #expect(old.loss == 1.5 && old.accuracy == 0.75)
    let again = try JSONDecoder().decode(Means.self, from: JSONEncoder().encode(old))
    #expect(again.loss == 1.5 && again.accuracy == 0.75 && again.others.isEmpty)
  }
}

extension Double {
  fileprivate func isClose(to other: Double) -> Bool { abs(self - other) < 1e-5 * Swift.max(1, abs(other)) }
}
