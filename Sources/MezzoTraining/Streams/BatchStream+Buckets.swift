import MezzoBackend
import MezzoGraph
public import MezzoLayers
import MezzoPolicy

extension BatchStream {
  /// Sequences of about the same length together, so that a training on all lengths runs on a few plans: each waits, filled
  /// up with zeros to one of a few sizes, until there are `examples` of them. What waits at the end of an epoch makes
  /// smaller batches, from the shortest to the longest. As tf.data's `bucket_by_sequence_length`.
  ///
  /// What is filled in must not count, in the model nor in the loss: a mask does that, of `Embedding(…, maskZero: true)` or
  /// `Masking`. Where each step has a loss, that of a batch is the mean over its steps that count; batches whose gradients are
  /// accumulated still count by their examples.
  ///
  /// ```swift
  /// let stream = BatchStream { epoch in sentences() }  // features int32[1, length], targets int32[1]
  ///   .shuffled(buffer: 1000)
  ///   .batched(32, in: try ShapeBuckets(steps: [16, 32, 64]))  // int32[32, 16], int32[32, 32], int32[32, 64]
  /// try await model.fit(stream, epochs: 3)
  /// ```
  /// - Parameters:
  ///   - buckets: of axes behind the batch, whose own sizes are not looked at. Inputs have each their own; one that is
  ///     longer than the largest stays as it is.
  ///   - fillingTargets: whether targets and sample weights have steps too, which are filled up as those of inputs are.
  ///   - droppingRemainder: whether what waits at the end of an epoch is left out.
  public func batched(
    _ examples: Int, in buckets: ShapeBuckets, fillingTargets: Bool = false, droppingRemainder: Bool = false
  ) -> BatchStream {
    recipe(count: nil, types: nil) { epoch, yield in
      var waiting: [Types: WaitingExamples] = [:]
      var isWanted = true
      try await produce(epoch, 0) { batch in
        let filled = try batch.filled(buckets, targetsToo: fillingTargets)
        let key = filled.types.batch(of: 1)
        var likes = waiting.removeValue(forKey: key) ?? WaitingExamples(examples)
        isWanted = try await likes.add(filled, yield)
        waiting[key] = likes
        return isWanted
      }
      if droppingRemainder || !isWanted { return }
      let byLength = waiting.sorted { $0.key.shapes.lexicographicallyPrecedes($1.key.shapes) }
      for (_, examples) in byLength where isWanted {
        if let rest = try examples.rest() { isWanted = try await yield(rest) }
      }
    }
  }
}

/// Examples that are to become batches of so many.
struct WaitingExamples {
  private let size: Int
  private var batches: [TrainingBatch] = []
  private var count = 0

  init(_ size: Int) { self.size = max(size, 1) }

  /// Yields the whole batches that there are now, one after the other, as long as more are wanted.
  mutating func add(_ batch: TrainingBatch, _ yield: BatchStream.Yield) async throws -> Bool {
    batches.append(batch)
    count += batch.examples
    if count < size { return true }
    let joined = try TrainingBatch(joining: batches)
    var (start, isWanted) = (0, true)
    while isWanted, count - start >= size {
      isWanted = try await yield(try joined.rows(start..<start + size))
      start += size
    }
    batches = start == count ? [] : [try joined.rows(start..<count)]
    count -= start
    return isWanted
  }

  func rest() throws -> TrainingBatch? { count == 0 ? nil : try TrainingBatch(joining: batches) }
}

extension TrainingBatch {
  fileprivate func filled(_ buckets: ShapeBuckets, targetsToo: Bool) throws -> TrainingBatch {
    func filled(_ tensor: Tensor) throws -> Tensor {
      var shape = tensor.shape
      for axis in buckets.sizes.keys where shape.indices.dropFirst().contains(axis) {
        shape[axis] = buckets.size(of: shape[axis], axis: axis)
      }
      return shape == tensor.shape ? tensor : try tensor.resized(shape)
    }
    var batch = self
    batch.features = try filled(features)
    batch.moreFeatures = try moreFeatures.map(filled)
    if targetsToo {
      batch.targets = try filled(targets)
      batch.moreTargets = try moreTargets.map(filled)
      batch.sampleWeights = try sampleWeights.map(filled)
    }
    return batch
  }
}

extension BatchStream.Types {
  /// Of all tensors, one after the other.
  fileprivate var shapes: [Int] { groups.joined().flatMap(\.shape) }

  private var groups: [[TensorType]] { [[features], [targets], moreFeatures, moreTargets, sampleWeights] }

  /// Whether there are as many tensors of the same dtypes and ranks.
  func differ(inSizesAloneFrom other: Self) -> Bool {
    zip(groups, other.groups).allSatisfy { own, others in
      own.count == others.count && zip(own, others).allSatisfy { $0.dtype == $1.dtype && $0.rank == $1.rank }
    }
  }
}
