import MezzoBackend
public import MezzoGraph
import MezzoPolicy

/// What training makes small, computed and given in at least float32, whatever the model's policy.
///
/// ```swift
/// try await model.fit(train, loss: .huber(delta: 2))
/// let weighted = try Loss(.binaryCrossentropy(fromLogits: true))(output, target: target, sampleWeight: weights)
/// ```
public struct Loss: Sendable, Hashable {
  public var function: LossFunction
  public var reduction: LossReduction

  public init(_ function: LossFunction, reduction: LossReduction = .sumOverBatchSize) {
    self.function = function
    self.reduction = reduction
  }

  /// - Parameters:
  ///   - output: `[batch, …, n]`, of any floating dtype.
  ///   - target: of the same shape but for a last axis of 1; for labels without the last axis. Never broadcast.
  ///   - sampleWeight: `[batch, …]`, what each value counts; by default all alike.
  ///   - mask: `bool[batch, …]`, which places of the output count; by default all. Means are over those that do.
  /// - Returns: a scalar, or `[batch, …]` if nothing is reduced; float64 if the output is, in Keras 3's dialect if
  ///   `floatx()` is, else float32.
  /// - Throws: `GraphError` for shapes that do not fit.
  public func callAsFunction(
    _ output: SymbolicTensor, target: SymbolicTensor, sampleWeight: SymbolicTensor? = nil,
    mask: SymbolicTensor? = nil
  ) throws -> SymbolicTensor {
    let terms = try function.terms(
      output.cast(to: Self.dtype(for: output.dtype)), target: target, mask: mask)
    var mask = function.masksItself ? nil : mask
    if case .chosen(_, let isChosen) = terms { mask = try mask.map { try $0.and(isChosen) } ?? isChosen }
    let isMean = reduction == .sumOverBatchSize || reduction == .meanWithSampleWeight
    if isMean, sampleWeight == nil, mask == nil { return try terms.tensor.mean() }
    var values = try terms.values(masked: mask)
    var weights = try sampleWeight?.weighting(values)
    if let mask {
      var shares = try mask.weighting(values)
      if reduction == .sumOverBatchSize {
        // So that the mean over all places is that over those that count.
        shares =
          try shares / shares.mean().maximum(values.trace.constant(1e-7, dtype: values.dtype))
      }
      weights = try weights.map { try $0 * shares } ?? shares
    }
    if let weights { values = try values * weights }
    switch reduction {
    case .none: return values
    case .sum: return try values.sum()
    case .sumOverBatchSize: return try values.mean()
    case .meanWithSampleWeight:
      return try values.sum() / (weights ?? values).sum().maximum(values.trace.constant(1e-7, dtype: values.dtype))
    }
  }

  /// What training and evaluation need.
  ///
  /// - Throws: `TrainingError.invalidOption` for a loss that reduces nothing.
  func scalar(
    _ output: SymbolicTensor, target: SymbolicTensor, sampleWeight: SymbolicTensor?,
    mask: SymbolicTensor?
  ) throws -> SymbolicTensor {
    guard reduction != .none else {
      throw TrainingError.invalidOption(
        name: "the reduction of the loss", expected: "one that gives a single value", found: reduction.rawValue)
    }
    return try self(output, target: target, sampleWeight: sampleWeight, mask: mask)
  }

  private static func dtype(for output: DType) -> DType {
    let deciding = PolicyEnvironment.current.dialect == .keras3 ? floatx() : output
    return deciding == .float64 ? .float64 : .float32
  }

  /// The mean over the batch of 1 where the output says the right class, else 0; `nil` where outputs are no classes.
  func accuracy(
    _ output: SymbolicTensor, target: SymbolicTensor, mask: SymbolicTensor?
  ) throws -> TracedMeasure? {
    let metric: Metric.Kind
    switch function {
    case .sparseCategoricalCrossentropy, .categoricalGeneralizedCrossEntropy: metric = .sparseCategoricalAccuracy
    case .categoricalCrossentropy, .categoricalFocalCrossentropy: metric = .categoricalAccuracy
    case .binaryCrossentropy(let fromLogits, _), .binaryFocalCrossentropy(_, _, _, let fromLogits, _):
      metric = .binaryAccuracy(threshold: fromLogits ? 0 : 0.5)
    default: return nil
    }
    let values = try metric.values(output, target: target, dtype: .float32)
    guard let mask else {
      return TracedMeasure(
        name: "accuracy", value: try values.mean(), weight: .known(values.shape.reduce(1, *)))
    }
    let shares = try mask.weighting(values)
    let count = try shares.sum()
    let mean =
      try (values * shares).sum() / count.maximum(values.trace.constant(1, dtype: .float32))
    return TracedMeasure(name: "accuracy", value: mean, weight: .traced(count))
  }

  /// The number of classes of which labels name one; `nil` where targets are no labels.
  func classes(of output: SymbolicTensor) -> Int? {
    function.takesLabels || function == .ctc ? output.shape.last : nil
  }
}

extension Loss {
  /// For logits, which is what a `Dense` without activation gives; for probabilities see the form with an argument.
  public static var sparseCategoricalCrossentropy: Loss { sparseCategoricalCrossentropy(fromLogits: true) }
  public static func sparseCategoricalCrossentropy(fromLogits: Bool) -> Loss {
    Loss(.sparseCategoricalCrossentropy(fromLogits: fromLogits))
  }
  public static func categoricalCrossentropy(fromLogits: Bool = false, labelSmoothing: Double = 0) -> Loss {
    Loss(.categoricalCrossentropy(fromLogits: fromLogits, labelSmoothing: labelSmoothing))
  }
  public static func binaryCrossentropy(fromLogits: Bool = false, labelSmoothing: Double = 0) -> Loss {
    Loss(.binaryCrossentropy(fromLogits: fromLogits, labelSmoothing: labelSmoothing))
  }
  public static func binaryFocalCrossentropy(
    applyClassBalancing: Bool = false, alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false,
    labelSmoothing: Double = 0
  ) -> Loss {
    Loss(
      .binaryFocalCrossentropy(
        applyClassBalancing: applyClassBalancing, alpha: alpha, gamma: gamma, fromLogits: fromLogits,
        labelSmoothing: labelSmoothing))
  }
  public static func categoricalFocalCrossentropy(
    alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false, labelSmoothing: Double = 0
  ) -> Loss {
    Loss(
      .categoricalFocalCrossentropy(
        alpha: alpha, gamma: gamma, fromLogits: fromLogits, labelSmoothing: labelSmoothing))
  }
  /// For probabilities and integer labels.
  public static func categoricalGeneralizedCrossEntropy(q: Double = 0.5) -> Loss {
    Loss(.categoricalGeneralizedCrossEntropy(q: q))
  }
  public static func dice(axis: [Int]? = nil) -> Loss { Loss(.dice(axis: axis)) }
  public static func tversky(alpha: Double = 0.5, beta: Double = 0.5, axis: [Int]? = nil) -> Loss {
    Loss(.tversky(alpha: alpha, beta: beta, axis: axis))
  }
  public static func huber(delta: Double = 1) -> Loss { Loss(.huber(delta: delta)) }
  public static var cosineSimilarity: Loss { Loss(.cosineSimilarity) }
  public static var klDivergence: Loss { Loss(.klDivergence) }
  public static var logCosh: Loss { Loss(.logCosh) }
  public static var meanAbsoluteError: Loss { Loss(.meanAbsoluteError) }
  public static var meanAbsolutePercentageError: Loss { Loss(.meanAbsolutePercentageError) }
  public static var meanSquaredError: Loss { Loss(.meanSquaredError) }
  public static var meanSquaredLogarithmicError: Loss { Loss(.meanSquaredLogarithmicError) }
  public static var poisson: Loss { Loss(.poisson) }
  public static var hinge: Loss { Loss(.hinge) }
  public static var squaredHinge: Loss { Loss(.squaredHinge) }
  public static var categoricalHinge: Loss { Loss(.categoricalHinge) }
  public static var ctc: Loss { Loss(.ctc) }
  public static func circle(gamma: Double = 80, margin: Double = 0.4, removeDiagonal: Bool = true) -> Loss {
    Loss(.circle(gamma: gamma, margin: margin, removeDiagonal: removeDiagonal))
  }
}
