public import MezzoGraph
public import MezzoPolicy

/// A vector for each integer: `int[…] -> […, outputDim]`, the rows of a table `embeddings` `[inputDim, outputDim]`.
///
/// Inputs are never cast to the compute dtype, in which large integers would lose digits; what is not int32 or int64
/// becomes int32. The table is read in its variable dtype, and the rows are rounded once to the compute dtype. The
/// gradient of a row that comes often is summed in at least float32. An index outside 0 ..< inputDim gives a row of
/// NaN.
///
/// With `maskZero` the integer 0 is padding: layers behind this one leave those places out.
///
/// ```swift
/// let words = Embedding(inputDim: 10_000, outputDim: 64, maskZero: true)
/// let output = try Model(words)(Tensor([7, 2, 0], shape: [1, 3], dtype: .int32))  // float32[1, 3, 64]
/// ```
public struct Embedding: Layer, Hashable {
  /// The number of different integers.
  public var inputDim: Int
  /// The length of a vector.
  public var outputDim: Int
  public var embeddingsInitializer: Initializer
  public var embeddingsRegularizer: Regularizer?
  public var embeddingsConstraint: Constraint?
  /// Whether 0 is no integer like the others but padding.
  @AddedLater public var maskZero: Bool
  public var name: String?
  public let policy: DTypePolicy

  /// - Parameter policy: by default the one in effect here; with TensorFlow 1's dtype behaviour that of `floatx()`, since
  ///   the dtype of the input, which other layers take there, is an integer's.
  public init(
    inputDim: Int, outputDim: Int,
    embeddingsInitializer: Initializer = .randomUniform(minimum: -0.05, maximum: 0.05),
    embeddingsRegularizer: Regularizer? = nil, embeddingsConstraint: Constraint? = nil,
    maskZero: Bool = false, name: String? = nil, policy: DTypePolicy? = nil
  ) {
    self.inputDim = inputDim
    self.outputDim = outputDim
    self.embeddingsInitializer = embeddingsInitializer
    self.embeddingsRegularizer = embeddingsRegularizer
    self.embeddingsConstraint = embeddingsConstraint
    self.maskZero = maskZero
    self.name = name
    self.policy =
      policy
      ?? (PolicyEnvironment.current.usesV2DTypeBehavior ? globalPolicy() : DTypePolicy(floatx()).from(.floatx))
  }

  public var autocast: Bool { false }

  public func call(_ input: SymbolicTensor, _ context: LayerContext) throws -> SymbolicTensor {
    guard inputDim > 0, outputDim > 0 else {
      throw LayerError.invalidConfiguration(
        layer: "layer \(context.path)", expected: "at least 1 row of at least 1 element",
        found: "\(inputDim) of \(outputDim)")
    }
    guard let compute = context.policy.computeDType, compute.isFloatingPoint else {
      throw LayerError.nonFloatingPolicy(layer: context.path, policy: context.policy.name)
    }
    let table = try context.variable(
      "embeddings", shape: [inputDim, outputDim], initializer: embeddingsInitializer,
      autocast: false,
      regularizer: embeddingsRegularizer, constraint: embeddingsConstraint)
    return try context.embedded(input, table, in: compute, maskZero: maskZero)
  }
}

extension LayerContext {
  /// The rows of `table` that integers say, rounded once to `dtype`.
  func embedded(
    _ input: SymbolicTensor, _ table: SymbolicTensor, in dtype: DType, maskZero: Bool
  ) throws -> SymbolicTensor {
    let indices = try input.dtype == .int32 || input.dtype == .int64 ? input : input.cast(to: .int32)
    let output = try table.gather(indices).cast(to: dtype)
    if maskZero {
      setMask(try indices.isEqual(input.trace.constant(0, dtype: indices.dtype)).negation(), of: output)
    }
    return output
  }
}
