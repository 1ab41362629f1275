import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

@Suite struct SequenceBucketTests {
  private static let buckets = Result { try ShapeBuckets(steps: [4, 8, 16]) }

  /// Words above 0; what is learnt is whether the last is odd.
  private static func example(_ number: Int, length: Int, labelsSteps: Bool = false) throws -> TrainingBatch {
    let words = (0..<length).map { Double((number * 7 + $0 * 3) % 9 + 1) }
    let targets = words.map { $0.truncatingRemainder(dividingBy: 2) }
    return TrainingBatch(
      features: try Tensor(words, shape: [1, length], dtype: .int32),
      targets: labelsSteps
        ? try Tensor(targets, shape: [1, length], dtype: .int32)
        : try Tensor([targets[length - 1]], shape: [1], dtype: .int32))
  }

  private static func examples(_ lengths: [Int], labelsSteps: Bool = false) -> BatchStream {
    BatchStream { _ in
      AsyncThrowingStream { continuation in
        for (number, length) in lengths.enumerated() {
          switch Result(catching: { try example(number, length: length, labelsSteps: labelsSteps) }) {
          case .success(let batch): continuation.yield(batch)
          case .failure(let error): continuation.finish(throwing: error)
          }
        }
        continuation.finish()
      }
    }
  }

  private func classifier(_ policy: DTypePolicy = .float32) -> Model {
    Model(runtime: .builtinOnly()) {
      Embedding(inputDim: 10, outputDim: 6, maskZero: true, policy: policy)
      LSTM(5, policy: policy)
      Dense(2, policy: policy)
    }
  }

  private func tagger() -> Model {
    Model(runtime: .builtinOnly()) {
      Embedding(inputDim: 10, outputDim: 6, maskZero: true, policy: .float32)
      Dense(2, policy: .float32)
    }
  }

  private func trainer(_ model: Model, _ batch: TrainingBatch, accumulating: Int = 1) throws -> Trainer {
    try Trainer(
      model, features: batch.features.type, targets: batch.targets.type, optimizer: .sgd(learningRate: 0.1),
      accumulating: accumulating)
  }

  private func all(_ stream: BatchStream) async throws -> [TrainingBatch] {
    var all: [TrainingBatch] = []
    for try await batch in stream { all.append(batch) }
    return all
  }

  @Test func eachExampleComesOnceAmongThoseOfItsLength() async throws {
    let lengths = [3, 9, 4, 1, 16, 5, 2, 7, 40, 3, 12, 8]
    let stream = Self.examples(lengths).batched(2, in: try Self.buckets.get())
    let batches = try await all(stream)
    // Whole batches as they fill up, then what is left, from the shortest; 40 is beyond all sizes.
    #expect(
      batches.map(\.features.shape) == [[2, 4], [2, 16], [2, 4], [2, 8], [1, 4], [1, 8], [1, 16], [1, 40]])
    var rows: [[Double]] = []
    for batch in batches {
      let (width, words) = (batch.features.shape[1], batch.features.scalars())
      rows += (0..<batch.features.shape[0]).map { Array(words[$0 * width..<($0 + 1) * width]) }
    }
    let expected = try lengths.enumerated().map { try Self.example($0, length: $1).features.scalars() }
    #expect(
      rows.map { row in row.filter { $0 != 0 } }.sorted { "\($0)" < "\($1)" } == expected.sorted { "\($0)" < "\($1)" })
    for row in rows { #expect(row.firstIndex(of: 0).map { row[$0...].allSatisfy { $0 == 0 } } ?? true) }
    #expect(try await all(stream).map { $0.features.scalars() } == batches.map { $0.features.scalars() })
    let whole = Self.examples(lengths).batched(2, in: try Self.buckets.get(), droppingRemainder: true)
    #expect(try await all(whole).map(\.features.shape) == Array(batches.map(\.features.shape)[..<4]))
    var skipping: [[Int]] = []
    for try await batch in stream.epoch(1, skipping: 6) { skipping.append(batch.features.shape) }
    #expect(skipping == [[1, 16], [1, 40]])
  }

  @Test(arguments: [1, 2]) func whatIsFilledInTeachesNothing(accumulating: Int) async throws {
    let lengths = [3, 7, 2, 8, 4, 6]
    let filled = try await all(Self.examples(lengths).batched(2, in: try Self.buckets.get()))
    #expect(filled.map(\.features.shape) == [[2, 4], [2, 8], [1, 4], [1, 8]])
    // The same batches, all as long as the longest.
    let long = try ShapeBuckets(steps: [16])
    var (short, longer) = (
      try trainer(classifier(), filled[0], accumulating: accumulating),
      try trainer(classifier(), filled[0], accumulating: accumulating)
    )
    for batch in filled {
      let alone = BatchStream { _ in
        AsyncStream { continuation in
          continuation.yield(batch)
          continuation.finish()
        }
      }
      let widened = try await all(alone.batched(batch.features.shape[0], in: long))
      #expect(widened.map { $0.features.shape[1] } == [16])
      let (one, other) = (try short.train(on: batch).loss, try longer.train(on: widened[0]).loss)
      #expect(abs(one - other) <= 1e-6 * other)
    }
    #expect(short.iterations == 4)
  }

  /// A batch that cannot be planned leaves nothing of those before it.
  @Test func anUpdateIsPlannedBeforeItBegins() throws {
    let model = Model(runtime: .builtinOnly()) {
      Dense(3)
      BatchNormalization()
      Dense(2)
    }
    func batch(_ width: Int) throws -> TrainingBatch {
      TrainingBatch(
        features: try Tensor((0..<4 * width).map { Double($0 % 5) }, shape: [4, width], dtype: .float32),
        targets: try Tensor([0, 1, 0, 1], shape: [4], dtype: .int32))
    }
    var trainer = try trainer(model, try batch(2), accumulating: 2)
    let before = try trainer.weights
    #expect(throws: LayerError.self) { try trainer.train(on: [batch(2), batch(3)]) }
    #expect(try trainer.weights == before)
    #expect(try trainer.train(on: [batch(2), batch(2)]).isApplied)
  }

  @Test func aLargeElementIsCutAsItIsWanted() async throws {
    let yielded = Locked(0)
    let large = BatchStream { _ in
      AsyncThrowingStream { continuation in
        continuation.yield(
          with: Result {
            TrainingBatch(
              features: try Tensor(zeros: TensorType(.int32, [100, 3])),
              targets: try Tensor(zeros: TensorType(.int32, [100])))
          })
        continuation.finish()
      }
    }
    var taken = 0
    for try await batch in large.batched(8, in: try Self.buckets.get()).map({ batch, _, _ in
      yielded.withLock { $0 += 1 }
      return batch
    }).prefetched(1) {
      #expect(batch.features.shape == [8, 4])
      taken += 1
      if taken == 2 { break }
    }
    #expect(yielded.withLock { $0 } <= 4)
  }

  @Test func targetsOfStepsAreFilledUpToo() async throws {
    let lengths = [5, 7]
    let stream = Self.examples(lengths, labelsSteps: true).batched(
      2, in: try Self.buckets.get(), fillingTargets: true)
    let batch = try #require(try await all(stream).first)
    #expect(batch.features.shape == [2, 8] && batch.targets.shape == [2, 8])
    var filled = try trainer(tagger(), batch)
    let loss = try filled.train(on: batch).loss
    // Each alone and as it is: a mean over all steps that are there.
    var sum = 0.0
    for (number, length) in lengths.enumerated() {
      let example = try Self.example(number, length: length, labelsSteps: true)
      var alone = try trainer(tagger(), example)
      sum += try alone.train(on: example).loss * Double(length)
    }
    #expect(abs(loss - sum / 12) < 1e-6 * loss)
  }

  @Test(arguments: [DTypePolicy.float32, .mixedBFloat16, .mixedFloat16])
  func aStreamOfAllLengthsIsLearnt(policy: DTypePolicy) async throws {
    let lengths = (0..<60).map { $0 * 5 % 16 + 1 }
    let stream = Self.examples(lengths).shuffled(buffer: 30, seed: 1).batched(8, in: try Self.buckets.get())
    let model = classifier(policy)
    let history = try await model.fit(
      stream, validation: stream, epochs: 12, optimizer: .adam(learningRate: 0.03))
    let last = try #require(history.epochs.last)
    #expect(last.loss < 0.6 * history.epochs[0].loss)
    #expect(try #require(last.validationLoss) < history.epochs[0].loss)
  }

  @Test func moreShapesThanPlansAreKeptTrain() throws {
    let first = try Self.example(0, length: 1)
    var trainer = try trainer(classifier(), first)
    for length in Array(1...20) + [1, 20] {
      #expect(try trainer.train(on: Self.example(length, length: length)).isApplied)
    }
    #expect(trainer.iterations == 22 && trainer.explanation != nil)
    // Sizes may change, dtypes and ranks may not.
    let wide = TrainingBatch(features: try first.features.cast(to: .float32), targets: first.targets)
    #expect(throws: RuntimeError.self) { try trainer.train(on: wide) }
    let alone = TrainingBatch(
      features: try Tensor(zeros: TensorType(.int32, [4, 3])), targets: try Tensor(zeros: TensorType(.int32, [1])))
    #expect(throws: RuntimeError.self) { try trainer.train(on: alone) }
    let flat = TrainingBatch(features: try Tensor(zeros: TensorType(.int32, [1])), targets: first.targets)
    #expect(throws: RuntimeError.self) { try trainer.train(on: flat) }
  }
}
