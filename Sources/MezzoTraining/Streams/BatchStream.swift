import MezzoBackend
import MezzoLayers
import MezzoPolicy

/// Batches that are made while a training goes on: read from files, generated, or taken from a ``DataSet``.
///
/// A stream is a recipe: each epoch makes its batches anew, on another task, a bounded number of them ahead of the training.
///
/// ```swift
/// let stream = BatchStream { epoch in examples(of: "train.log") }   // any AsyncSequence of TrainingBatch
///   .shuffled(buffer: 1000, seed: 3).batched(64).prefetched(4)
/// try await model.fit(stream, epochs: 3)
/// ```
/// The order is that of the recipe however many are prepared ahead. A checkpoint goes on within an epoch if the recipe gives
/// the same batches again.
public struct BatchStream: Sendable {
  /// Takes a batch; `false`: no more is wanted.
  typealias Yield = (TrainingBatch) async throws -> Bool
  typealias Produce = @Sendable (_ epoch: Int, _ skipping: Int, _ yield: Yield) async throws -> Void

  /// Batches of an epoch, where that is known.
  public let count: Int?
  /// Batches that are prepared while the training is busy with another.
  public private(set) var ahead = 2
  /// Of whole batches, where they are known before the first one comes.
  let types: Types?
  /// Makes the batches of an epoch, which count from 0, but for the first ones.
  let produce: Produce

  struct Types: Codable, Sendable, Hashable {
    var features: TensorType
    var targets: TensorType
    var moreFeatures: [TensorType] = []
    var moreTargets: [TensorType] = []
    var sampleWeights: [TensorType] = []

    /// What the model is called with.
    var arguments: Arguments<TensorType> {
      Arguments(positional: ([features] + moreFeatures).map { .tensor($0) })
    }

    /// The same with another number of examples in front.
    func batch(of examples: Int) -> Types {
      Types(
        features: features.batch(of: examples), targets: targets.batch(of: examples),
        moreFeatures: moreFeatures.map { $0.batch(of: examples) },
        moreTargets: moreTargets.map { $0.batch(of: examples) },
        sampleWeights: sampleWeights.map { $0.batch(of: examples) })
    }
  }

  init(count: Int?, types: Types? = nil, ahead: Int = 2, produce: @escaping Produce) {
    self.count = count
    self.types = types
    self.ahead = ahead
    self.produce = produce
  }

  /// - Parameters:
  ///   - count: batches of an epoch, for progress bars; `nil` where nobody knows.
  ///   - batches: the batches of an epoch, which count from 1. It ends with them.
  public init<Batches: AsyncSequence & SendableMetatype>(
    count: Int? = nil, _ batches: @escaping @Sendable (_ epoch: Int) async throws -> Batches
  ) where Batches.Element == TrainingBatch, Batches.AsyncIterator: SendableMetatype {
    self.init(count: count) { epoch, skipping, yield in
      var left = skipping
      for try await batch in try await batches(epoch + 1) {
        if left > 0 {
          left -= 1
        } else if try await !yield(batch) {
          return
        }
      }
    }
  }

  /// The batches of one epoch, for loops of one's own.
  ///
  /// ```swift
  /// for try await batch in data.batches(of: 32, shuffledBy: 1) { try trainer.train(on: batch) }
  /// ```
  /// - Parameters:
  ///   - epoch: from 1; streams that shuffle do it differently in each.
  ///   - skipping: batches that are left out at the beginning.
  public func epoch(_ epoch: Int, skipping: Int = 0) -> Batches {
    Batches(stream: self, epoch: Swift.max(epoch - 1, 0), skipping: Swift.max(skipping, 0))
  }

  /// The batches of one epoch, prepared on another task.
  public struct Batches: AsyncSequence, Sendable {
    public typealias Element = TrainingBatch
    public typealias Failure = any Error
    let stream: BatchStream
    let epoch: Int
    let skipping: Int

    public func makeAsyncIterator() -> Iterator { Iterator(Prefetch(stream, epoch: epoch, skipping: skipping)) }

    /// Whoever drops it ends the preparation.
    public final class Iterator: AsyncIteratorProtocol {
      private let prefetch: Prefetch

      init(_ prefetch: Prefetch) { self.prefetch = prefetch }

      deinit { prefetch.stop() }

      public func next() async throws -> TrainingBatch? { try await prefetch.next() }
    }
  }
}

extension BatchStream.Types {
  /// Checkpoints may be older than what was added last.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    features = try container.decode(TensorType.self, forKey: .features)
    targets = try container.decode(TensorType.self, forKey: .targets)
    moreFeatures = try container.decodeIfPresent([TensorType].self, forKey: .moreFeatures) ?? []
    moreTargets = try container.decodeIfPresent([TensorType].self, forKey: .moreTargets) ?? []
    sampleWeights = try container.decodeIfPresent([TensorType].self, forKey: .sampleWeights) ?? []
  }
}

extension BatchStream: AsyncSequence {
  public typealias Element = TrainingBatch
  public typealias Failure = any Error

  /// Of the first epoch.
  public func makeAsyncIterator() -> Batches.Iterator { epoch(1).makeAsyncIterator() }
}

// MARK: - Recipes from recipes

extension BatchStream {
  /// At most so many batches are prepared ahead, at least 1.
  public func prefetched(_ batches: Int) -> BatchStream {
    var stream = self
    stream.ahead = Swift.max(batches, 1)
    return stream
  }

  /// Each batch changed, on the task that prepares them: decoded, cropped, noised.
  ///
  /// - Parameter transform: gets the epoch, from 1, and the place of the batch in it, from 0: what draws random numbers by
  ///   them draws the same in a training that goes on from a checkpoint.
  public func map(
    _ transform: @escaping @Sendable (_ batch: TrainingBatch, _ epoch: Int, _ place: Int) async throws -> TrainingBatch
  ) -> BatchStream {
    BatchStream(count: count, ahead: ahead) { epoch, skipping, yield in
      var place = skipping
      try await produce(epoch, skipping) { batch in
        let changed = try await transform(batch, epoch + 1, place)
        place += 1
        return try await yield(changed)
      }
    }
  }

  /// Each example counting in the loss what its class counts, by the rules of ``DataSet/weighted(byClass:)``.
  public func weighted(byClass weights: [Int: Double]) -> BatchStream {
    let types = types.map { types in
      var types = types
      types.sampleWeights = [TensorType(.float32, Array(types.targets.shape.prefix(1)))]
      return types
    }
    return BatchStream(count: count, types: types, ahead: ahead) { epoch, skipping, yield in
      try await produce(epoch, skipping) { try await yield(try $0.weighted(byClass: weights)) }
    }
  }

  /// The first batches of each epoch: makes an epoch of a stream that has no end.
  public func prefix(_ batches: Int) -> BatchStream {
    let limit = Swift.max(batches, 0)
    return BatchStream(count: Swift.min(count ?? limit, limit), types: types, ahead: ahead) {
      epoch, skipping, yield in
      var left = limit - skipping
      if left <= 0 { return }
      try await produce(epoch, skipping) { batch in
        left -= 1
        return try await yield(batch) && left > 0
      }
    }
  }

  /// Each element changes places with others that are near: it waits in a buffer until chance takes it out.
  ///
  /// Elements are moved as they are; to shuffle examples, let each be an element of its own, and ``batched(_:)`` afterwards.
  ///
  /// - Parameter seed: with the epoch it decides the order.
  public func shuffled(buffer: Int, seed: UInt64 = 0) -> BatchStream {
    let size = Swift.max(buffer, 1)
    return recipe(count: count, types: types) { epoch, yield in
      var random = DataSet.random(seed: seed, epoch: epoch)
      var waiting: [TrainingBatch] = []
      var isWanted = true
      try await produce(epoch, 0) { batch in
        waiting.append(batch)
        if waiting.count <= size { return true }
        waiting.swapAt(Int.random(in: waiting.indices, using: &random), waiting.count - 1)
        isWanted = try await yield(waiting.removeLast())
        return isWanted
      }
      waiting.shuffle(using: &random)
      for batch in waiting where isWanted { isWanted = try await yield(batch) }
    }
  }

  /// Elements of any number of examples joined and cut to batches of `examples`, but for the last.
  ///
  /// - Parameter droppingRemainder: whether a last batch of fewer examples is left out.
  public func batched(_ examples: Int, droppingRemainder: Bool = false) -> BatchStream {
    recipe(count: nil, types: nil) { epoch, yield in
      var waiting = WaitingExamples(examples)
      var isWanted = true
      try await produce(epoch, 0) { batch in
        isWanted = try await waiting.add(batch, yield)
        return isWanted
      }
      if isWanted, !droppingRemainder, let rest = try waiting.rest() { _ = try await yield(rest) }
    }
  }

  /// A recipe that can begin only at the beginning of an epoch.
  func recipe(
    count: Int?, types: Types?, _ make: @escaping @Sendable (_ epoch: Int, _ yield: Yield) async throws -> Void
  ) -> BatchStream {
    BatchStream(count: count, types: types, ahead: ahead) { epoch, skipping, yield in
      var left = skipping
      try await make(epoch) { batch in
        if left > 0 {
          left -= 1
          return true
        }
        return try await yield(batch)
      }
    }
  }
}
