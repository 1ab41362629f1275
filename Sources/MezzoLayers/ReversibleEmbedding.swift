public import MezzoGraph
public import MezzoPolicy

/// An ``Embedding`` that leads back too, from vectors to a score for each integer, as the last layer of a language model does
/// (Press and Wolf, EACL 2017).
///
/// Integers `int[…]` become `[…, outputDim]`, the rows of `embeddings` `[inputDim, outputDim]`. Floating-point input
/// `[…, outputDim]` becomes `[…, inputDim]`: its products with all rows, or with the columns of `reverse_embeddings`
/// `[outputDim, inputDim]` where weights are not tied. These are computed in the compute dtype, or `reverseDType`; a soft cap in
/// at least float32.
///
/// ```swift
/// let words = ReversibleEmbedding(inputDim: 100, outputDim: 8)
/// let output = try Model(words)(Tensor(zeros: TensorType(.float32, [1, 3, 8])))  // float32[1, 3, 100]
/// ```
public struct ReversibleEmbedding: Layer, Hashable {
  /// The number of different integers.
  public var inputDim: Int
  /// The length of a vector.
  public var outputDim: Int
  /// Whether the way back is by the same table.
  public var tieWeights: Bool
  public var embeddingsInitializer: Initializer
  public var embeddingsRegularizer: Regularizer?
  public var embeddingsConstraint: Constraint?
  /// Whether 0 is no integer like the others but padding.
  public var maskZero: Bool
  /// What the way back is computed in; nil for the compute dtype.
  public var reverseDType: DType?
  /// Scores become `cap · tanh(score ∕ cap)`, so that none is above it.
  public var logitSoftCap: Double?
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here.
  public init(
    inputDim: Int, outputDim: Int, tieWeights: Bool = true,
    embeddingsInitializer: Initializer = .randomUniform(minimum: -0.05, maximum: 0.05),
    embeddingsRegularizer: Regularizer? = nil, embeddingsConstraint: Constraint? = nil, maskZero: Bool = false,
    reverseDType: DType? = nil, logitSoftCap: Double? = nil, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.inputDim = inputDim
    self.outputDim = outputDim
    self.tieWeights = tieWeights
    self.embeddingsInitializer = embeddingsInitializer
    self.embeddingsRegularizer = embeddingsRegularizer
    self.embeddingsConstraint = embeddingsConstraint
    self.maskZero = maskZero
    self.reverseDType = reverseDType
    self.logitSoftCap = logitSoftCap
    self.name = name
    self.policy = policy ?? globalPolicy()
  }

  public var autocast: Bool { false }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    try context.require(
      inputDim > 0 && outputDim > 0, "at least 1 row of at least 1 element", "\(inputDim) of \(outputDim)")
    try context.require((logitSoftCap ?? 1) > 0, "a cap above 0", logitSoftCap ?? 0)
    try context.require(reverseDType?.isFloatingPoint ?? true, "a floating-point dtype", reverseDType?.name ?? "")
    let compute = try context.floatingComputeDType()
    let table = try context.variable(
      "embeddings", shape: [inputDim, outputDim], initializer: embeddingsInitializer, autocast: false,
      regularizer: embeddingsRegularizer, constraint: embeddingsConstraint)
    // Both ways have it, whichever is called first.
    let columns =
      try tieWeights
      ? nil
      : context.variable(
        "reverse_embeddings", shape: [outputDim, inputDim], initializer: embeddingsInitializer, autocast: false)
    guard input.dtype.isFloatingPoint else {
      return try context.embedded(input, table, in: compute, maskZero: maskZero)
    }
    guard input.shape.last == outputDim else {
      throw LayerError.inputShape(layer: context.path, expected: "[…, \(outputDim)] or integers", found: input.shape)
    }
    let dtype = reverseDType ?? compute
    let places = Array(input.shape.dropLast())
    let scores = try input.cast(to: dtype).reshaped([places.reduce(1, *), outputDim]).matmul(
      (columns ?? table.transposed()).cast(to: dtype)
    ).reshaped(places + [inputDim])
    guard let cap = logitSoftCap else { return scores }
    return try ((scores.atLeastFloat32() / cap).tanh() * cap).cast(to: dtype)
  }
}
