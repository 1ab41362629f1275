import MezzoBackend
public import MezzoGraph
public import MezzoRuntime

/// Examples and what the model should say to them, as a ``Trainer`` takes them.
public struct TrainingBatch: Sendable {
  /// `[examples, …]`
  public var features: Tensor
  /// Labels `int32[examples]`, or values `[examples, …]`.
  public var targets: Tensor
  /// What a model of several inputs gets behind the first, each `[examples, …]`.
  public var moreFeatures: [Tensor]
  /// What a model of several outputs should say in those behind the first.
  public var moreTargets: [Tensor]
  /// What each example counts in the loss, `[examples]`, or what each of its steps does, `[examples, steps]`: none, one for
  /// all outputs, or one for each.
  public var sampleWeights: [Tensor]

  public init(
    features: Tensor, targets: Tensor, moreFeatures: [Tensor] = [], moreTargets: [Tensor] = [],
    sampleWeights: [Tensor] = []
  ) {
    self.features = features
    self.targets = targets
    self.moreFeatures = moreFeatures
    self.moreTargets = moreTargets
    self.sampleWeights = sampleWeights
  }

  var types: BatchStream.Types {
    BatchStream.Types(
      features: features.type, targets: targets.type, moreFeatures: moreFeatures.map(\.type),
      moreTargets: moreTargets.map(\.type), sampleWeights: sampleWeights.map(\.type))
  }

  /// What the output of this place is compared with, and what the examples count there.
  func target(of output: Int) throws(TrainingError) -> (tensor: Tensor, weight: Tensor?) {
    let weight =
      sampleWeights.count == 1
      ? sampleWeights[0] : sampleWeights.isEmpty ? nil : sampleWeights[output]
    return (output == 0 ? targets : try further(\.moreTargets, output - 1), weight)
  }

  func further(_ tensors: KeyPath<TrainingBatch, [Tensor]>, _ index: Int) throws(TrainingError) -> Tensor {
    let all = self[keyPath: tensors]
    guard all.indices.contains(index) else {
      throw .batchesDiffer(expected: "\(index + 1) or more further tensors", found: "\(all.count)")
    }
    return all[index]
  }

  /// The extent of the first axis.
  var examples: Int { features.shape.first ?? 0 }
}

/// What one update came to.
public struct TrainingOutcome: Sendable {
  /// Before the update, without the loss scale, with what regularizers add.
  public var loss: Double
  /// Of the first output; `nil` where the loss knows no classes.
  public var accuracy: Double? {
    let known = results.compactMap { results in
      results.measures.first { $0.name == Means.accuracyName && $0.weight > 0 }
    }
    let weight = known.reduce(0) { $0 + $1.weight }
    return weight > 0 ? known.reduce(0) { $0 + $1.value * $1.weight } / weight : nil
  }
  /// Whether the gradients were finite, so that the update was applied.
  public var isApplied: Bool
  /// Where the first infinity or NaN came from, if it was not.
  public var firstNonFinite: NonFiniteReport?
  /// What was told of each batch.
  var results: [BatchResults] = []
}

extension TensorType {
  /// The same with another number of examples in front.
  func batch(of examples: Int) -> TensorType { TensorType(dtype, [examples] + shape.dropFirst()) }
}
