import MezzoBackend
import MezzoGraph
import MezzoPolicy

extension DataSet {
  /// The same examples, each counting in the loss what its class counts: for classes of which there are few.
  ///
  /// ```swift
  /// try await model.fit(data.weighted(byClass: [0: 1, 1: 20]))
  /// ```
  /// Targets are labels `[examples]` or `[examples, 1]`, or `[examples, classes]`, where the largest tells the class.
  ///
  /// - Parameter weights: by class; 1 for classes that are not there.
  /// - Throws: `TrainingError.invalidOption` for other targets, for several outputs, where there are weights already, and for
  ///   weights that are not finite.
  public func weighted(byClass weights: [Int: Double]) throws -> DataSet {
    try DataSet(
      features: features, targets: targets, moreFeatures: moreFeatures, moreTargets: moreTargets,
      sampleWeights: [try ClassWeights.tensor(weights, targets, isFree: moreTargets.isEmpty && sampleWeights.isEmpty)],
      scale: scale)
  }
}

extension TrainingBatch {
  func weighted(byClass weights: [Int: Double]) throws -> TrainingBatch {
    var batch = self
    batch.sampleWeights = [
      try ClassWeights.tensor(weights, targets, isFree: moreTargets.isEmpty && sampleWeights.isEmpty)
    ]
    return batch
  }
}

private enum ClassWeights {
  /// A weight for each example.
  ///
  /// - Parameter isFree: whether nothing else says what examples count, and there is one output.
  static func tensor(_ weights: [Int: Double], _ targets: Tensor, isFree: Bool) throws -> Tensor {
    let expected = "labels, or a column for each class, of one output, and no sample weights beside them"
    let count = targets.shape.first ?? 0
    guard isFree, targets.type.rank == 1 || targets.type.rank == 2 else {
      throw TrainingError.invalidOption(
        name: "the targets of class weights", expected: expected, found: "\(targets.type)")
    }
    guard weights.values.allSatisfy(\.isFinite) else {
      throw TrainingError.invalidOption(name: "the class weights", expected: "finite numbers", found: "\(weights)")
    }
    let width = count == 0 ? 1 : targets.count / count
    let values = targets.scalars()
    return try Tensor(
      (0..<count).map { example in
        let row = values[example * width..<(example + 1) * width]
        let place = row.max().flatMap { row.firstIndex(of: $0) }.map { $0 - row.startIndex }
        let label = width == 1 ? row.first.flatMap { Int(exactly: $0.rounded()) } : place
        return label.flatMap { weights[$0] } ?? 1
      }, shape: [count], dtype: .float32)
  }
}
