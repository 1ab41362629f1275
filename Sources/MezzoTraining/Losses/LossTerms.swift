import MezzoBackend
import MezzoGraph
import MezzoPolicy

/// What a loss function computes before anything is reduced.
enum LossTerms {
  /// `[batch, …, n]`, of which an example's value is the mean over the last axis.
  case elements(SymbolicTensor)
  /// `[batch, …]`
  case examples(SymbolicTensor)
  /// `[batch]`, of which only some count.
  case chosen(SymbolicTensor, where: SymbolicTensor)

  var tensor: SymbolicTensor {
    switch self {
    case .elements(let tensor), .examples(let tensor), .chosen(let tensor, _): tensor
    }
  }

  /// `[batch, …]`
  var values: SymbolicTensor {
    get throws {
      switch self {
      case .elements(let tensor): try tensor.mean(axes: [-1])
      case .examples(let tensor), .chosen(let tensor, _): tensor
      }
    }
  }

  /// ``values``; the elements themselves where the mask is one of elements, so that each counts or not.
  func values(masked mask: SymbolicTensor?) throws -> SymbolicTensor {
    if case .elements(let tensor) = self, tensor.shape == mask?.shape { return tensor }
    return try values
  }
}

extension LossFunction {
  /// - Throws: `GraphError` for shapes that do not fit.
  ///
  /// - Parameter mask: of places; losses for which ``masksItself`` leave the others out, every other one is weighted afterwards.
  func terms(_ output: SymbolicTensor, target: SymbolicTensor, mask: SymbolicTensor? = nil) throws
    -> LossTerms
  {
    var output = try (output.rank == 1 && !takesLabels ? output.reshaped(output.shape + [1]) : output)
      .atLeastFloat32()
    switch self {
    case .ctc: return .examples(try Self.connectionist(output, target, mask: mask))
    case .circle(let gamma, let margin, let removeDiagonal):
      return try Self.circle(output, target, gamma: gamma, margin: margin, removeDiagonal: removeDiagonal)
    default: break
    }
    if takesLabels {
      let labels = try target.labels(of: output, for: className)
      switch self {
      case .categoricalGeneralizedCrossEntropy(let q): return .examples(try Self.generalized(output, labels, q: q))
      case .sparseCategoricalCrossentropy(let fromLogits):
        return .examples(try Self.sparse(output, labels, fromLogits: fromLogits).reshaped(labels.shape))
      default: return .examples(output)
      }
    }
    var target = try target.aligned(with: output, for: className)
    if masksItself, let mask {
      let shares = try mask.weighting(output)
      (output, target) = (try output * shares, try target * shares)
    }
    switch self {
    case .sparseCategoricalCrossentropy, .categoricalGeneralizedCrossEntropy, .ctc, .circle: return .examples(output)
    case .binaryCrossentropy(let fromLogits, let smoothing):
      return .elements(
        try Self.binary(output, target * (1 - smoothing) + smoothing / 2, fromLogits: fromLogits))
    case .categoricalCrossentropy(let fromLogits, let smoothing):
      let classes = Double(max(output.shape.last ?? 1, 1))
      return .examples(
        try Self.categorical(output, target * (1 - smoothing) + smoothing / classes, fromLogits: fromLogits))
    case .binaryFocalCrossentropy(let isBalanced, let alpha, let gamma, let fromLogits, let smoothing):
      return .elements(
        try Self.binaryFocal(
          output, target * (1 - smoothing) + smoothing / 2, gamma: gamma, balance: isBalanced ? alpha : nil,
          fromLogits: fromLogits))
    case .categoricalFocalCrossentropy(let alpha, let gamma, let fromLogits, let smoothing):
      let classes = Double(max(output.shape.last ?? 1, 1))
      return .examples(
        try Self.categoricalFocal(
          output, target * (1 - smoothing) + smoothing / classes, alpha: alpha, gamma: gamma, fromLogits: fromLogits))
    case .dice(let axes): return .examples(try Self.dice(output, target, axes: axes))
    case .tversky(let alpha, let beta, let axes):
      return .examples(try Self.tversky(output, target, alpha: alpha, beta: beta, axes: axes))
    case .cosineSimilarity: return .examples(try Self.cosine(output, target).negated())
    case .klDivergence: return .examples(try Self.divergence(output, target))
    case .categoricalHinge: return .examples(try Self.categoricalHinge(output, target))
    case .hinge: return .elements(try Self.hinge(output, target))
    case .squaredHinge:
      let hinge = try Self.hinge(output, target)
      return .elements(try hinge * hinge)
    case .poisson: return .elements(try output - target * (output + Self.epsilon).log())
    case .huber, .logCosh, .meanAbsoluteError, .meanAbsolutePercentageError, .meanSquaredError,
      .meanSquaredLogarithmicError:
      return .elements(try regression(output, target))
    }
  }

  /// Keras's fuzz factor.
  static let epsilon = 1e-7
}

extension SymbolicTensor {
  /// The tensor in the shape and the dtype of `output`, with which it agrees but for a last axis of 1: broadcast, `[batch, 1]`
  /// against `[batch]` would compare every output with every target.
  func aligned(with output: SymbolicTensor, for operation: String) throws -> SymbolicTensor {
    guard shape == output.shape || shape + [1] == output.shape || shape == output.shape + [1] else {
      throw mismatch(output, operation, "an output and targets of one shape")
    }
    return try reshaped(output.shape).cast(to: output.dtype)
  }

  /// The tensor as int32 or int64 labels of the rows of `output`.
  func labels(of output: SymbolicTensor, for operation: String) throws -> SymbolicTensor {
    let rows = Array(output.shape.dropLast())
    guard output.rank > 1, shape == rows || shape == rows + [1] else {
      throw mismatch(output, operation, "an output […, classes] and a label for each of its rows")
    }
    return try reshaped(rows).cast(to: dtype == .int64 ? .int64 : .int32)
  }

  /// The tensor as weights of `values`: its axes are the first of theirs.
  func weighting(_ values: SymbolicTensor) throws -> SymbolicTensor {
    let trimmed = rank == values.rank + 1 && shape.last == 1 ? Array(shape.dropLast()) : shape
    guard trimmed.count <= values.rank, Array(values.shape.prefix(trimmed.count)) == trimmed else {
      throw mismatch(
        values, "weighting", "weights, or a mask, with the first axes of what they weigh")
    }
    let ones = [Int](repeating: 1, count: values.rank - trimmed.count)
    return try reshaped(trimmed + ones).broadcast(to: values.shape).cast(to: values.dtype)
  }

  /// What each place counts that a mask lets count; nil: all count alike.
  static func weights(_ weights: SymbolicTensor?, masked mask: SymbolicTensor?) throws
    -> SymbolicTensor?
  {
    guard let weights, let mask else { return try weights ?? mask?.cast(to: .float32) }
    let trimmed =
      weights.shape.last == 1 && weights.rank > 1 ? Array(weights.shape.dropLast()) : weights.shape
    let rank = Swift.max(trimmed.count, mask.rank)
    func widened(_ tensor: SymbolicTensor, _ shape: [Int]) throws -> SymbolicTensor {
      try tensor.reshaped(shape + [Int](repeating: 1, count: rank - shape.count))
    }
    return try widened(weights, trimmed) * widened(mask, mask.shape).cast(to: weights.dtype)
  }

  private func mismatch(_ output: SymbolicTensor, _ operation: String, _ expected: String)
    -> GraphError
  {
    GraphError(
      .shape(operation: operation, expected: expected, found: [output.type, type]), layer: "loss")
  }

  /// Every element brought within the limits.
  func clipped(_ low: Double, _ high: Double) throws -> SymbolicTensor {
    try maximum(trace.constant(low, dtype: dtype)).minimum(trace.constant(high, dtype: dtype))
  }
}
