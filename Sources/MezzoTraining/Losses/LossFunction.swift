/// What a loss compares an output `[batch, …, n]` with, in Keras's words and with its defaults. Every one of them has a value
/// for each example, but for ``dice(axis:)`` and ``tversky(alpha:beta:axis:)``; most are means over the last axis.
public enum LossFunction: Sendable, Hashable {
  /// `−t · log p − (1 − t) · log (1 − p)`, with `p` the output, or its sigmoid if it is logits.
  case binaryCrossentropy(fromLogits: Bool = false, labelSmoothing: Double = 0)
  /// `−Σ t · log p` over the last axis, with `p` the output made to sum to 1, or its softmax if it is logits.
  case categoricalCrossentropy(fromLogits: Bool = false, labelSmoothing: Double = 0)
  /// The same for integer labels `[batch, …]`, one for each row of the output.
  case sparseCategoricalCrossentropy(fromLogits: Bool = false)
  /// Binary cross-entropy times `(1 − p)^gamma` of the probability `p` of what is true, so that what is right already counts
  /// little (Lin et al., ICCV 2017); balanced, times `alpha` where the target is 1 and `1 − alpha` where it is 0.
  case binaryFocalCrossentropy(
    applyClassBalancing: Bool = false, alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false,
    labelSmoothing: Double = 0)
  /// `−Σ alpha · (1 − p)^gamma · t · log p` over the last axis, with `p` as in ``categoricalCrossentropy(fromLogits:labelSmoothing:)``.
  case categoricalFocalCrossentropy(
    alpha: Double = 0.25, gamma: Double = 2, fromLogits: Bool = false, labelSmoothing: Double = 0)
  /// `(1 − p^q) ∕ q`, with `p` the output for an integer label; less moved by wrong labels than a cross-entropy, which it
  /// becomes as `q` goes to 0 (Zhang and Sabuncu, NeurIPS 2018).
  case categoricalGeneralizedCrossEntropy(q: Double = 0.5)
  /// 1 minus twice what output and target share over the sum of both; one value over all axes, that of the batch too, or one
  /// for each place of the axes that `axis` leaves (Milletari et al., 3DV 2016).
  case dice(axis: [Int]? = nil)
  /// The same with what the output misses counted by `alpha` and what it adds by `beta` (Salehi et al., MLMI 2017).
  case tversky(alpha: Double = 0.5, beta: Double = 0.5, axis: [Int]? = nil)
  /// Minus the cosine of the angle between output and target.
  case cosineSimilarity
  /// `e² ∕ 2` where the error `e` is at most `delta`, else `delta · |e| − delta² ∕ 2` (Huber, 1964).
  case huber(delta: Double = 1)
  /// `Σ t · log (t ∕ p)` over the last axis.
  case klDivergence
  /// `log cosh e`
  case logCosh
  case meanAbsoluteError
  /// `100 · |e ∕ t|`
  case meanAbsolutePercentageError
  case meanSquaredError
  /// `(log (1 + t) − log (1 + p))²`
  case meanSquaredLogarithmicError
  /// `p − t · log p`
  case poisson
  /// `max(0, 1 − t · p)`, for labels of −1 and 1; where all are 0 or 1 they are read so.
  case hinge
  /// The square of ``hinge``.
  case squaredHinge
  /// `max(0, 1 + the largest output of a wrong class − the output of the right one)`.
  case categoricalHinge
  /// Minus the logarithm of the probability of labels `[batch, length]`, padded by 0, in outputs that are logits `[batch, steps,
  /// classes]` of which class 0 is blank (Graves et al., ICML 2006).
  case ctc
  /// How far embeddings of length 1, `[batch, dim]`, of one label are apart and those of others near, each pair by how wrong it is
  /// (Sun et al., CVPR 2020). Means are over the examples that are not right.
  case circle(gamma: Double = 80, margin: Double = 0.4, removeDiagonal: Bool = true)

  /// Keras's class name.
  public var className: String {
    switch self {
    case .binaryCrossentropy: "BinaryCrossentropy"
    case .categoricalCrossentropy: "CategoricalCrossentropy"
    case .sparseCategoricalCrossentropy: "SparseCategoricalCrossentropy"
    case .binaryFocalCrossentropy: "BinaryFocalCrossentropy"
    case .categoricalFocalCrossentropy: "CategoricalFocalCrossentropy"
    case .categoricalGeneralizedCrossEntropy: "CategoricalGeneralizedCrossEntropy"
    case .dice: "Dice"
    case .tversky: "Tversky"
    case .cosineSimilarity: "CosineSimilarity"
    case .huber: "Huber"
    case .klDivergence: "KLDivergence"
    case .logCosh: "LogCosh"
    case .meanAbsoluteError: "MeanAbsoluteError"
    case .meanAbsolutePercentageError: "MeanAbsolutePercentageError"
    case .meanSquaredError: "MeanSquaredError"
    case .meanSquaredLogarithmicError: "MeanSquaredLogarithmicError"
    case .poisson: "Poisson"
    case .hinge: "Hinge"
    case .squaredHinge: "SquaredHinge"
    case .categoricalHinge: "CategoricalHinge"
    case .ctc: "CTC"
    case .circle: "Circle"
    }
  }

  /// Whether its values are sums over places, of which it leaves out itself what a mask hides.
  var masksItself: Bool {
    switch self {
    case .dice, .tversky, .ctc: true
    default: false
    }
  }

  /// Whether targets are integer labels.
  var takesLabels: Bool {
    switch self {
    case .sparseCategoricalCrossentropy, .categoricalGeneralizedCrossEntropy: true
    default: false
    }
  }
}

/// What becomes of the values of the examples.
public enum LossReduction: String, Codable, Sendable, Hashable, CaseIterable {
  /// Their mean, whatever their weights sum to.
  case sumOverBatchSize = "sum_over_batch_size"
  case sum
  /// Nothing: there is one for each example.
  case none
  /// Their sum over that of their weights.
  case meanWithSampleWeight = "mean_with_sample_weight"
}
