import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy
import MezzoRuntime
import MezzoTraining
import Testing

@Suite struct BatchStreamTests {
  /// Batches of one example, whose feature is its number.
  private func numbers(_ count: Int, made: Locked<Int>? = nil) -> BatchStream {
    BatchStream(count: count) { _ in
      AsyncStream { continuation in
        for number in 0..<count {
          if let batch = try? Self.batch([number]) { continuation.yield(batch) }
        }
        continuation.finish()
      }
    }.map { batch, _, _ in
      made?.withLock { $0 += 1 }
      return batch
    }
  }

  private static func batch(_ numbers: [Int]) throws -> TrainingBatch {
    TrainingBatch(
      features: try Tensor(numbers.map(Double.init), shape: [numbers.count, 1], dtype: .float32),
      targets: try Tensor(numbers.map { Double($0 % 2) }, shape: [numbers.count], dtype: .int32))
  }

  private func features(_ batches: some AsyncSequence<TrainingBatch, any Error>) async throws -> [[Int]] {
    var all: [[Int]] = []
    for try await batch in batches { all.append(batch.features.scalars().map { Int($0) }) }
    return all
  }

  @Test(arguments: [1, 2, 7]) func theOrderIsThatOfTheRecipe(ahead: Int) async throws {
    let stream = numbers(20).prefetched(ahead)
    #expect(try await features(stream) == (0..<20).map { [$0] })
    #expect(try await features(stream.epoch(1, skipping: 17)) == [[17], [18], [19]])
    #expect(try await features(stream.epoch(1, skipping: 21)) == [])
    #expect(try await features(stream.prefix(3)) == [[0], [1], [2]])
    #expect(try await features(stream.prefix(3).epoch(1, skipping: 2)) == [[2]])
  }

  @Test func noMoreThanTheBoundIsPreparedAhead() async throws {
    let made = Locked(0)
    let iterator = numbers(50, made: made).prefetched(3).epoch(1).makeAsyncIterator()
    for taken in 1...10 {
      _ = try await iterator.next()
      for _ in 0..<20 { await Task.yield() }
      // What was taken, what is ready, and the one that waits for room.
      #expect(made.withLock { $0 } <= taken + 4)
    }
  }

  @Test func examplesAreShuffledAndBatchedTheSameWayAgain() async throws {
    let stream = numbers(23).shuffled(buffer: 8, seed: 3).batched(5)
    let first = try await features(stream)
    #expect(first.map(\.count) == [5, 5, 5, 5, 3])
    #expect(first.flatMap { $0 }.sorted() == Array(0..<23))
    #expect(first.flatMap { $0 } != Array(0..<23))
    #expect(try await features(stream) == first)
    #expect(try await features(stream.epoch(2)) != first)
    #expect(try await features(stream.epoch(1, skipping: 3)) == Array(first[3...]))
    let whole = numbers(23).batched(5, droppingRemainder: true)
    #expect(try await features(whole).map(\.count) == [5, 5, 5, 5])
    // Large elements are cut.
    #expect(try await features(numbers(12).batched(12).batched(5)) == [Array(0..<5), Array(5..<10), [10, 11]])
  }

  @Test func aDataSetIsAStream() async throws {
    let data = try DataSet(
      features: Tensor((0..<10).map(Double.init), shape: [10, 1], dtype: .float32),
      targets: Tensor([Double](repeating: 0, count: 10), shape: [10], dtype: .int32))
    #expect(try await features(data.batches(of: 4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
    let shuffled = data.batches(of: 4, shuffledBy: 1)
    #expect(shuffled.count == 3)
    let (first, second) = (try await features(shuffled), try await features(shuffled.epoch(2)))
    #expect(first != second && first.flatMap { $0 }.sorted() == Array(0..<10))
    #expect(try await features(shuffled.epoch(2, skipping: 1)) == Array(second[1...]))
    let parts = try data.split(validation: 0.25)
    #expect(parts.train.count == 7 && parts.validation.features.scalars() == [7, 8, 9])
    for share in [0, 1, -0.5, .nan] { #expect(throws: TrainingError.self) { try data.split(validation: share) } }
  }

  private struct Spoilt: Error {}

  @Test func whatTheRecipeThrowsComesAfterTheBatchesBefore() async throws {
    let stream = numbers(9).map { batch, _, place in
      if place == 4 { throw Spoilt() }
      return batch
    }
    var taken = 0
    await #expect(throws: Spoilt.self) {
      for try await _ in stream { taken += 1 }
    }
    #expect(taken == 4)
    await #expect(throws: Spoilt.self) { try await FitTests.model(.float32).fit(stream) }
    let mixed = BatchStream { _ in
      AsyncStream { continuation in
        for type in [TensorType(.float32, [1, 2]), TensorType(.float32, [1, 3])] {
          if let features = try? Tensor(zeros: type), let targets = try? Tensor(zeros: TensorType(.int32, [1])) {
            continuation.yield(TrainingBatch(features: features, targets: targets))
          }
        }
        continuation.finish()
      }
    }.batched(2)
    await #expect(throws: TrainingError.self) {
      for try await _ in mixed {}
    }
  }

  @Test func preparationEndsWithItsConsumer() async throws {
    let made = Locked(0)
    let endless = BatchStream { _ in
      AsyncStream {
        made.withLock { $0 += 1 }
        return try? Self.batch([1])
      }
    }
    for try await _ in endless.prefetched(2) { break }
    // The preparation may be in the middle of one, and no more.
    let before = made.withLock { $0 }
    try await Task.sleep(for: .milliseconds(20))
    #expect(made.withLock { $0 } <= before + 3)
    let task = Task {
      for try await _ in endless {}
    }
    try await Task.sleep(for: .milliseconds(20))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }

  /// A stream that waits forever for its second batch.
  @Test func aTrainingThatWaitsForDataCanBeCancelled() async throws {
    let isEnded = Locked(false)
    let stream = BatchStream { _ in
      AsyncStream { continuation in
        if let batch = try? Self.batch([0, 1]) { continuation.yield(batch) }
        continuation.onTermination = { _ in isEnded.withLock { $0 = true } }
      }
    }
    let model = Model(seed: 1, runtime: .builtinOnly()) { Dense(2, policy: .float32) }
    let task = Task { try await model.fit(stream) }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    // Who made the batches is told too.
    for _ in 0..<200 where !isEnded.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(10)) }
    #expect(isEnded.withLock { $0 })
  }

  @Test func fitTrainsOnAStreamAsOnItsDataSet() async throws {
    let data = try FitTests.clouds(90)
    let (whole, streamed) = (FitTests.model(.mixedBFloat16), FitTests.model(.mixedBFloat16))
    let metrics = [Metric.sparseTopKCategoricalAccuracy(k: 1)]
    let expected = try await whole.fit(data, validation: data, epochs: 3, batch: 20, metrics: metrics, seed: 4)
    let stream = BatchStream { epoch in data.batches(of: 20, shuffledBy: 4).epoch(epoch) }
    let found = try await streamed.fit(
      stream, validation: data.batches(of: 256), epochs: 3, metrics: metrics, seed: 4)
    #expect(try whole.variables == streamed.variables)
    for (left, right) in zip(expected.epochs, found.epochs) {
      let (left, right) = (left.logs, right.logs)
      #expect(left == right)
      for prefix in ["", "val_"] {
        let metric = try #require(left["\(prefix)sparse_top_k_categorical_accuracy"])
        #expect(abs(try metric - #require(left["\(prefix)accuracy"])) < 1e-6)
      }
    }
    let (inBatches, atOnce) = (
      try await streamed.evaluate(data.batches(of: 7)), try streamed.evaluate(data, batch: 90)
    )
    #expect(abs(try #require(inBatches.accuracy) - #require(atOnce.accuracy)) < 1e-6)
    await #expect(throws: TrainingError.self) { try await streamed.fit(BatchStream(count: 0) { _ in numbers(0) }) }
    let wild = BatchStream { _ in
      AsyncStream { continuation in
        let targets = try? Tensor([0, 9], shape: [2], dtype: .int32)
        if let targets, let features = try? Tensor(zeros: TensorType(.float32, [2, 2])) {
          continuation.yield(TrainingBatch(features: features, targets: targets))
        }
        continuation.finish()
      }
    }
    await #expect(throws: TrainingError.labelOutOfRange(label: 9, index: 1, classes: 2)) {
      try await streamed.fit(wild)
    }
  }

  /// Looking at the first batch takes nothing from a stream that comes once.
  @Test func aStreamThatComesOnceIsTrainedOnWhole() async throws {
    let (once, feed) = AsyncStream.makeStream(of: TrainingBatch.self)
    for number in 0..<6 { feed.yield(try Self.batch([number, number + 1])) }
    feed.finish()
    let model = Model(seed: 1, runtime: .builtinOnly()) { Dense(2, policy: .float32) }
    let steps = Locked(0)
    try await model.fit(BatchStream { _ in once }) { progress in
      steps.withLock { $0 = progress.step }
      #expect(progress.steps == nil)
    }
    #expect(steps.withLock { $0 } == 6)
  }

  @Test func predictionsComeBatchByBatch() async throws {
    let data = try FitTests.clouds(40)
    let model = FitTests.model(.float32)
    let whole = try model.predict(data.features)
    var rows: [Double] = []
    for try await output in model.predict(data.batches(of: 16).map { $0.features }) { rows += output.scalars() }
    #expect(rows == whole.scalars())
  }
}
