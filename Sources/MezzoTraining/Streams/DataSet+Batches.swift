import MezzoBackend
import MezzoGraph
import MezzoLayers
import MezzoPolicy

extension DataSet {
  /// The examples in batches of `size`; the last one takes what is left.
  ///
  /// - Parameter seed: with the epoch it decides the order of the examples; `nil` leaves them as they are.
  public func batches(of size: Int, shuffledBy seed: UInt64? = nil) -> BatchStream {
    let size = max(size, 1)
    return BatchStream(count: (count + size - 1) / size, types: types(batch: size)) { epoch, skipping, yield in
      var order = Array(0..<count)
      if let seed {
        var random = Self.random(seed: seed, epoch: epoch)
        order.shuffle(using: &random)
      }
      var start = skipping.multipliedReportingOverflow(by: size).overflow ? count : skipping * size
      while start < count {
        let end = min(start + size, count)
        if try await !yield(try batch(order[start..<end])) { return }
        start = end
      }
    }
  }

  /// The last examples for validation, as Keras's `validation_split` takes them.
  ///
  /// - Parameter share: of the examples, above 0 and below 1; each part gets at least one.
  public func split(validation share: Double) throws(TrainingError) -> (train: DataSet, validation: DataSet) {
    guard share > 0, share < 1 else {
      throw .invalidOption(name: "the share for validation", expected: "above 0 and below 1", found: "\(share)")
    }
    guard count > 1 else { throw .emptyDataSet(name: "validation") }
    let place = min(max(Int(Double(count) * (1 - share)), 1), count - 1)
    return (try subset(0..<place), try subset(place..<count))
  }

  func types(batch: Int) -> BatchStream.Types {
    BatchStream.Types(
      features: TensorType(featureDType, [batch] + exampleShape), targets: targets.type.batch(of: batch),
      moreFeatures: moreFeatures.map { $0.type.batch(of: batch) },
      moreTargets: moreTargets.map { $0.type.batch(of: batch) },
      sampleWeights: sampleWeights.map { $0.type.batch(of: batch) })
  }

  /// What shuffles an epoch, which count from 0.
  static func random(seed: UInt64, epoch: Int) -> SplitMix64 {
    SplitMix64(seed: seed &+ UInt64(truncatingIfNeeded: epoch) &* 0x9E37_79B9)
  }
}

extension TrainingBatch {
  /// The examples of all of them, one after the other.
  init(joining batches: [TrainingBatch]) throws {
    if batches.count == 1 {
      self = batches[0]
    } else {
      func joined(_ tensors: (TrainingBatch) -> [Tensor]) throws -> [Tensor] {
        let first = tensors(batches[0])
        for batch in batches where tensors(batch).count != first.count {
          throw TrainingError.batchesDiffer(expected: "\(first.count) tensors", found: "\(tensors(batch).count)")
        }
        return try first.indices.map { place in try Self.joined(batches.map { tensors($0)[place] }) }
      }
      self.init(
        features: try Self.joined(batches.map(\.features)),
        targets: try Self.joined(batches.map(\.targets)),
        moreFeatures: try joined(\.moreFeatures), moreTargets: try joined(\.moreTargets),
        sampleWeights: try joined(\.sampleWeights))
    }
  }

  func rows(_ rows: Range<Int>) throws -> TrainingBatch {
    if rows == 0..<examples { return self }
    return TrainingBatch(
      features: try Self.rows(rows, of: features), targets: try Self.rows(rows, of: targets),
      moreFeatures: try moreFeatures.map { try Self.rows(rows, of: $0) },
      moreTargets: try moreTargets.map { try Self.rows(rows, of: $0) },
      sampleWeights: try sampleWeights.map { try Self.rows(rows, of: $0) })
  }

  static func joined(_ tensors: [Tensor]) throws -> Tensor {
    let first = tensors[0].type
    for tensor in tensors {
      guard tensor.type.rank >= 1, first.rank >= 1, tensor.type.batch(of: 1) == first.batch(of: 1) else {
        throw TrainingError.batchesDiffer(expected: "\(first)", found: "\(tensor.type)")
      }
    }
    let storage = TensorStorage(byteCount: tensors.reduce(0) { $0 + $1.byteCount })
    var place = 0
    for tensor in tensors {
      tensor.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: storage.bytes[place..<place + $0.count]).copyMemory(from: $0)
      }
      place += tensor.byteCount
    }
    return try Tensor(first.batch(of: tensors.reduce(0) { $0 + $1.shape[0] }), storage: storage)
  }

  static func rows(_ rows: Range<Int>, of tensor: Tensor) throws -> Tensor {
    guard let examples = tensor.shape.first, rows.upperBound <= examples else {
      throw TrainingError.countMismatch(features: rows.upperBound, targets: tensor.shape.first ?? 0)
    }
    let width = tensor.byteCount / max(examples, 1)
    return try tensor.withUnsafeBytes { bytes in
      try Tensor(
        bytes: bytes[rows.lowerBound * width..<rows.upperBound * width],
        shape: tensor.type.batch(of: rows.count).shape, dtype: tensor.dtype)
    }
  }

  /// - Parameter classes: of the model's output; `nil` where the loss knows no classes.
  func check(classes: Int?) throws(TrainingError) {
    for tensor in [targets] + moreFeatures + moreTargets + sampleWeights
    where tensor.shape.first != examples {
      throw .countMismatch(features: examples, targets: tensor.shape.first ?? 0)
    }
    guard let classes, targets.dtype == .int32 else { return }
    for (index, label) in targets.scalars().enumerated() where !(0..<Double(classes)).contains(label) {
      throw .labelOutOfRange(label: Int(label), index: index, classes: classes)
    }
  }
}
